// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/menu_detour.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/boot/kexec_settings.h"

namespace vfio_switch {

namespace {

bool is_there(const BootFiles& files, const std::string& path) {
  return files.kind(path) != SourceKind::absent;
}

/// Of Debian's kexec-tools, in the order in which they are sourced.
std::vector<SourceText> kexec_settings(const BootFiles& files) {
  std::vector<SourceText> settings;
  const auto add = [&](const std::string& path) {
    auto text = files.text(path);
    if (text.state != SourceText::State::absent) settings.push_back(std::move(text));
  };
  add(std::string(kexec_settings_path));
  const std::string directory(kexec_drop_ins);
  const auto names = files.names(directory);
  if (names.state == SourceText::State::unknown) settings.push_back(SourceText::unknown(names.why));
  for (const auto& name : names.names) {
    if (is_kexec_drop_in(name)) add(directory + "/" + name);
  }
  return settings;
}

std::optional<BootUnknown> find_kexec(const BootFiles& files) {
  const std::string state = "/sys/kernel/kexec_loaded";
  const auto loaded = files.text(state);
  // Without the file the kernel cannot do it, or the root is none of a running system.
  if (loaded.state == SourceText::State::absent) return std::nullopt;
  if (loaded.state == SourceText::State::unknown) return loaded.why;
  if (trim(loaded.text) == "1") return BootUnknown{BootUnknownCode::kexec, state};
  // The settings stay when the package is removed.
  constexpr std::array<const char*, 2> programs = {"/sbin/kexec", "/usr/sbin/kexec"};
  const bool is_installed =
      std::ranges::any_of(programs, [&](const char* path) { return is_there(files, path); });
  return is_installed ? find_load_kexec(kexec_settings(files)) : std::nullopt;
}

}  // namespace

std::optional<BootUnknown> find_menu_detour(const BootFiles& files, const EfiVariables& variables) {
  if (auto kexec = find_kexec(files)) return kexec;
  if (variables.hibernated) {
    return BootUnknown{BootUnknownCode::hibernated, "HibernateLocation"};
  }
  const std::string staged = "/run/ostree/staged-deployment";
  if (is_there(files, staged) || is_there(files, "/run/composefs/staged-deployment")) {
    return BootUnknown{BootUnknownCode::staged, staged};
  }
  return std::nullopt;
}

}  // namespace vfio_switch
