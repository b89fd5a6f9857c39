// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/drop_in.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/boot/parameter_file.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"

namespace vfio_switch {

namespace {

// limine-entry-tool and dracut append what they read later, which need not begin with a blank.
constexpr std::array<DropIn, 5> drop_ins = {{
    {grub_drop_in_path, "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT ", "\""},
    {sdboot_drop_in_path, "LINUX_OPTIONS+=\" ", "\""},
    {limine_drop_in_path, "KERNEL_CMDLINE[default]+=\" ", " \""},
    {dracut_drop_in_path, "kernel_cmdline+=\" ", " \""},
    {u_boot_drop_in_path, "U_BOOT_PARAMETERS=\"${U_BOOT_PARAMETERS:-ro quiet} ", "\""},
}};

bool contains(const std::vector<std::string>& list, const std::string& one) {
  return std::ranges::find(list, one) != list.end();
}

}  // namespace

const DropIn& grub_drop_in() {
  return *drop_in_at(grub_drop_in_path);
}

const DropIn& sdboot_drop_in() {
  return *drop_in_at(sdboot_drop_in_path);
}

const DropIn& limine_drop_in() {
  return *drop_in_at(limine_drop_in_path);
}

const DropIn& dracut_drop_in() {
  return *drop_in_at(dracut_drop_in_path);
}

const DropIn& u_boot_drop_in() {
  return *drop_in_at(u_boot_drop_in_path);
}

const DropIn* drop_in_at(std::string_view path) {
  const auto* const found = std::ranges::find(drop_ins, path, &DropIn::path);
  return found == drop_ins.end() ? nullptr : found;
}

std::string render_drop_in(const DropIn& drop_in, const std::vector<std::string>& parameters) {
  return sealed(
      "# Kernel parameters for GPU passthrough. Written by vfio-switch;\n"
      "# 'vfio-switch rollback' takes them back.\n" +
      std::string(drop_in.head) + join(parameters, " ") + std::string(drop_in.tail) + "\n");
}

std::vector<std::string> drop_in_parameters(const DropIn& drop_in, std::string_view content) {
  std::vector<std::string> parameters;
  for (auto line : split_lines(content)) {
    if (!line.starts_with(drop_in.head)) continue;
    line.remove_prefix(drop_in.head.size());
    for (const auto word : split_words(line.substr(0, line.rfind('"')))) {
      parameters.emplace_back(word);
    }
  }
  return parameters;
}

std::optional<FileChange> edit_drop_in(const DropIn& drop_in, const FileState& before,
                                       const std::vector<std::string>& add,
                                       const std::vector<std::string>& drop) {
  const auto* old = std::get_if<RegularFile>(&before);
  std::vector<std::string> wanted;
  if (old != nullptr) wanted = drop_in_parameters(drop_in, old->content);
  std::erase_if(wanted, [&](const std::string& one) { return contains(drop, one); });
  for (const auto& parameter : add) {
    if (!contains(wanted, parameter)) wanted.push_back(parameter);
  }
  FileState after;
  if (!wanted.empty()) after = RegularFile{render_drop_in(drop_in, wanted), 0644, 0, 0};
  const auto* made = std::get_if<RegularFile>(&after);
  const bool same = (old == nullptr && made == nullptr) ||
                    (old != nullptr && made != nullptr && old->content == made->content);
  if (same) return std::nullopt;
  return FileChange{std::string(drop_in.path), before, after, reason_of_edit(wanted, drop), true};
}

}  // namespace vfio_switch
