// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/files/diff.h"

#include <algorithm>
#include <ranges>

#include "core/base/text.h"

namespace vfio_switch {

std::string_view kind(const Change& change) {
  if (std::holds_alternative<RebuildInitramfs>(change)) return "rebuild-initramfs";
  const auto* file = std::get_if<FileChange>(&change);
  if (file == nullptr || file->boot_parameters) return "boot-parameters";
  return std::holds_alternative<Absent>(file->after) ? "remove" : "write";
}

const Reason& reason_of(const Change& change) {
  return std::visit([](const auto& one) -> const Reason& { return one.reason; }, change);
}

Diff inverse(const Diff& diff) {
  Diff back;
  for (const auto& change : std::views::reverse(diff)) {
    if (const auto* file = std::get_if<FileChange>(&change)) {
      back.emplace_back(FileChange{file->path, file->after, file->before, ReasonCause::restored,
                                   file->boot_parameters});
    }
  }
  std::ranges::copy_if(diff, std::back_inserter(back), [](const Change& change) {
    return std::holds_alternative<RebuildInitramfs>(change);
  });
  return back;
}

bool changes_boot_parameters(const Diff& diff) {
  return std::ranges::any_of(diff, [](const Change& change) {
    const auto* file = std::get_if<FileChange>(&change);
    return file != nullptr && file->boot_parameters;
  });
}

bool has_file_changes(const Diff& diff) {
  return std::ranges::any_of(diff, [](const Change& change) {
    const auto* file = std::get_if<FileChange>(&change);
    return file != nullptr && !file->boot_parameters;
  });
}

}  // namespace vfio_switch
