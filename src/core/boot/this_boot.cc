// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/this_boot.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

std::string evenly_spaced(std::string_view line) {
  std::string text;
  for (const auto word : split_words(line, " \t\n")) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

/// True if two names of one file end alike: EFI paths know no case.
bool same_file(std::string_view left, std::string_view right) {
  return lower_case(left) == lower_case(right);
}

/// The only index for which `fits` holds.
template <class Fits>
std::optional<std::size_t> only(const BootMenu& menu, Fits fits) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < menu.entries.size(); ++i) {
    if (!fits(menu.entries[i])) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

bool has_id(const BootEntry& entry, std::string_view id) {
  const auto own = lower_case(entry.id);
  const auto wanted = lower_case(id);
  return own == wanted || own == wanted + ".conf" || own == wanted + ".efi" ||
         lower_case(entry.source.file).ends_with("/" + wanted);
}

}  // namespace

ThisBoot read_this_boot(std::string_view command_line) {
  constexpr std::string_view image = "BOOT_IMAGE=";
  constexpr std::string_view initrd = "initrd=";
  ThisBoot boot;
  for (const auto word : split_words(command_line, " \t\n")) {
    if (word.starts_with(image) && !boot.image) {
      auto path = word.substr(image.size());
      if (path.starts_with('(')) path.remove_prefix(std::min(path.find(')') + 1, path.size()));
      boot.image = std::string(path);
    } else if (word.starts_with(initrd)) {
      boot.initrds.push_back(slashed(word.substr(initrd.size())));
    } else {
      if (!boot.rest.empty()) boot.rest += ' ';
      boot.rest += word;
    }
  }
  return boot;
}

std::optional<std::size_t> entry_of_this_boot(const BootMenu& menu, const ThisBoot& boot,
                                              const EfiVariables& variables,
                                              std::string_view running_release) {
  const bool reads_ids =
      menu.loader == LoaderKind::systemd_boot || menu.loader == LoaderKind::limine;
  if (reads_ids && variables.entry_selected) {
    return only(menu,
                [&](const BootEntry& entry) { return has_id(entry, *variables.entry_selected); });
  }
  if (variables.stub_image && !variables.stub_image->empty()) {
    const auto found = only(menu, [&](const BootEntry& entry) {
      return entry.unified_image && same_file(entry.unified_image->path, *variables.stub_image);
    });
    if (found) return found;
  }
  const auto fits = [&](const BootEntry& entry) {
    if (!entry.kernel && !entry.unified_image) return false;
    if (boot.image && (!entry.kernel || entry.kernel->path != *boot.image)) return false;
    return !entry.release || running_release.empty() || *entry.release == running_release;
  };
  const auto line_fits = [&](const BootEntry& entry) {
    if (!fits(entry) || !entry.command_line) return false;
    if (evenly_spaced(*entry.command_line) == boot.rest) return true;
    // Words that the entry may have.
    std::vector<std::string_view> left = split_words(boot.rest);
    for (const auto& word : entry.possible_words) std::erase(left, std::string_view(word));
    std::string rest;
    for (const auto word : left) rest += (rest.empty() ? "" : " ") + std::string(word);
    return evenly_spaced(*entry.command_line) == rest;
  };
  if (const auto found = only(menu, line_fits)) return found;
  const auto several = std::ranges::count_if(menu.entries, line_fits);
  if (several > 1) {
    // A submenu of GRUB repeats the entry above it: both are the same.
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < menu.entries.size(); ++i) {
      if (!line_fits(menu.entries[i])) continue;
      if (!first) {
        first = i;
        continue;
      }
      const auto& a = menu.entries[*first];
      const auto& b = menu.entries[i];
      if (a.kernel != b.kernel || a.initrds != b.initrds || a.unified_image != b.unified_image) {
        return std::nullopt;
      }
    }
    return first;
  }
  return boot.image ? std::nullopt : only(menu, fits);
}

}  // namespace vfio_switch
