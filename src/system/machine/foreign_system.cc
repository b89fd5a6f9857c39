// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/foreign_system.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// True if process 1 has another root directory than we have, or cannot be asked by root.
bool is_chroot() {
  struct stat ours{};
  struct stat theirs{};
  if (::stat("/", &ours) != 0) return true;
  // An ordinary user cannot read it, and cannot change anything either.
  if (::stat("/proc/1/root/.", &theirs) != 0) return ::geteuid() == 0;
  return ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino;
}

bool is_container(const FileReader& files) {
  // The same signs as systemd-detect-virt(1), as far as an ordinary user can read them.
  constexpr std::array<const char*, 3> markers = {"/run/systemd/container", "/run/.containerenv",
                                                  "/.dockerenv"};
  if (std::ranges::any_of(markers, [&](const char* path) { return files.exists(path); })) {
    return true;
  }
  const auto environment = files.read("/proc/1/environ");
  if (!environment || !*environment) return false;
  return std::ranges::any_of(split_words(**environment, std::string_view("\0", 1)),
                             [](auto word) { return word.starts_with("container="); });
}

bool is_live_system(std::string_view command_line) {
  return std::ranges::any_of(split_words(command_line), [](std::string_view word) {
    return word == "boot=live" || word == "boot=casper" || word == "rd.live.image" ||
           word.starts_with("archisobasedir=") || word.starts_with("archisolabel=");
  });
}

}  // namespace

Result<std::optional<ReasonCause>> foreign_environment(const FileReader& files,
                                                       std::string_view kernel_command_line) {
  if (!files.is_running_system()) return std::nullopt;
  if (is_container(files)) return ReasonCause::in_container;
  if (is_chroot()) return ReasonCause::in_chroot;
  if (is_live_system(kernel_command_line)) return ReasonCause::in_live_system;
  return std::nullopt;
}

}  // namespace vfio_switch
