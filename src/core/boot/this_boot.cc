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

bool starts_this_kernel(const BootEntry& entry, const ThisBoot& boot,
                        std::string_view running_release) {
  if (!entry.kernel && !entry.unified_image) return false;
  if (boot.image && (!entry.kernel || entry.kernel->path != *boot.image)) return false;
  return !entry.release || running_release.empty() || *entry.release == running_release;
}

bool passes_this_line(const BootEntry& entry, const ThisBoot& boot) {
  if (!entry.command_line) return false;
  const auto line = evenly_spaced(*entry.command_line);
  if (line == boot.rest) return true;
  // Words that the entry may have.
  std::vector<std::string_view> left = split_words(boot.rest);
  for (const auto& word : entry.possible_words) std::erase(left, std::string_view(word));
  std::string rest;
  for (const auto word : left) rest += (rest.empty() ? "" : " ") + std::string(word);
  return line == rest;
}

bool starts_same(const BootEntry& left, const BootEntry& right) {
  return left.kernel == right.kernel && left.initrds == right.initrds &&
         left.unified_image == right.unified_image;
}

/// The first for which `fits` holds, where all of these start the same: a submenu of GRUB repeats
/// the entry above it.
template <class Fits>
std::optional<std::size_t> first_of_same(const BootMenu& menu, Fits fits) {
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < menu.entries.size(); ++i) {
    if (!fits(menu.entries[i])) continue;
    if (!first) first = i;
    if (!starts_same(menu.entries[*first], menu.entries[i])) return std::nullopt;
  }
  return first;
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
  const auto has_kernel = [&](const BootEntry& entry) {
    return starts_this_kernel(entry, boot, running_release);
  };
  const auto fits = [&](const BootEntry& entry) {
    return has_kernel(entry) && passes_this_line(entry, boot);
  };
  if (std::ranges::any_of(menu.entries, fits)) return first_of_same(menu, fits);
  return boot.image ? std::nullopt : only(menu, has_kernel);
}

}  // namespace vfio_switch
