// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/diff.h"

#include <algorithm>
#include <ranges>

namespace vfio_switch {

std::string_view kind(const Change& change) {
  const auto* file = std::get_if<FileChange>(&change);
  if (file == nullptr) return "rebuild-initramfs";
  return std::holds_alternative<Absent>(file->after) ? "remove" : "write";
}

std::string describe(const Change& change) {
  if (const auto* file = std::get_if<FileChange>(&change)) {
    return std::string(kind(change)) + " " + file->path;
  }
  return "rebuild " + std::get<RebuildInitramfs>(change).image;
}

Diff inverse(const Diff& diff) {
  Diff back;
  for (const auto& change : std::views::reverse(diff)) {
    if (const auto* file = std::get_if<FileChange>(&change)) {
      back.emplace_back(FileChange{file->path, file->after, file->before, "as it was before"});
    }
  }
  std::ranges::copy_if(diff, std::back_inserter(back), [](const Change& change) {
    return std::holds_alternative<RebuildInitramfs>(change);
  });
  return back;
}

bool has_file_changes(const Diff& diff) {
  return std::ranges::any_of(
      diff, [](const Change& change) { return std::holds_alternative<FileChange>(change); });
}

}  // namespace vfio_switch
