// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_kernels.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <ranges>
#include <utility>

#include "core/base/text.h"
#include "core/boot/refind_lines.h"

namespace vfio_switch {

namespace {

using Prefixes = std::array<std::string_view, 3>;

constexpr Prefixes prefixes = {"vmlinuz", "bzimage", "kernel"};
constexpr Prefixes arm_prefixes = {"vmlinuz", "image", "kernel"};

/// rEFInd takes a file for Linux by any of these in its name, or in that of its directory.
bool holds_any(std::string_view lower, const Prefixes& parts) {
  return std::ranges::any_of(
      parts, [&](std::string_view part) { return lower.find(part) != std::string_view::npos; });
}

bool is_rescue(const RefindFile& file) {
  return lower_case(file.name).find("vmlinuz-0-rescue") != std::string::npos;
}

BootUnknown which(const std::string& left, const std::string& right, const std::string& what) {
  return {BootUnknownCode::condition, "which of " + left + " and " + right + " is " + what};
}

/// How far two texts agree from where each has `version`.
std::size_t shared(const std::string& left, const std::string& right, const std::string& version) {
  const auto a = left.find(version);
  const auto b = right.find(version);
  if (a == std::string::npos || b == std::string::npos) return 0;
  std::size_t count = 0;
  while (a + count < left.size() && b + count < right.size() &&
         left[a + count] == right[b + count]) {
    ++count;
  }
  return count;
}

}  // namespace

std::string refind_path_of(const RefindDirectory& directory, std::string_view name) {
  const auto path = refind_path(directory.path);
  return (path.empty() ? "\\" : "\\" + path + "\\") + std::string(name);
}

namespace {

/// True for what rEFInd lists as a loader, of whatever system.
bool is_loader(const RefindFile& file, const RefindDirectory& directory, const RefindConf& conf,
               const Prefixes& parts) {
  const auto name = lower_case(file.name);
  const auto begins = [&](std::string_view part) { return name.starts_with(part); };
  const bool is_named = conf.scans_kernels && std::ranges::any_of(parts, begins);
  if (!is_named && !name.ends_with(".efi")) return false;
  if (file.is_link || name.ends_with(".png") || name.ends_with(".icns")) return false;
  if (file.is_program == false) return false;
  return std::ranges::none_of(directory.files, [&](const RefindFile& other) {
    return lower_case(other.name) == name + ".efi.signed";
  });
}

bool stands_before(const RefindFile* left, const RefindFile* right) {
  const bool rescue = is_rescue(*left);
  if (rescue != is_rescue(*right)) return !rescue;
  if (left->modified != right->modified) return left->modified > right->modified;
  return left->name < right->name;
}

/// Why another than the first of the sorted kernels may be the one that folding shows.
std::optional<BootUnknown> why_no_first(const std::vector<const RefindFile*>& kernels) {
  for (const auto* other : kernels | std::views::drop(1)) {
    const auto& first = *kernels.front();
    if (is_rescue(first) != is_rescue(*other)) break;
    if (first.modified && other->modified && *first.modified > *other->modified) continue;
    return which(first.name, other->name, "newer");
  }
  return std::nullopt;
}

}  // namespace

RefindKernels refind_kernels(const RefindDirectory& directory, const RefindConf& conf,
                             bool is_arm) {
  const auto& parts = is_arm ? arm_prefixes : prefixes;
  const bool in_linux = holds_any(lower_case(directory.path), parts);
  RefindKernels found;
  std::vector<const RefindFile*> kernels;
  for (const auto& file : directory.files) {
    if (!is_loader(file, directory, conf, parts)) continue;
    if (!holds_any(lower_case(file.name), parts)) {
      // It is folded with the kernels, and started like none of them.
      if (in_linux) found.why_no_first = BootUnknown{BootUnknownCode::condition, file.name};
      continue;
    }
    if (!file.is_program) found.why_no_first = BootUnknown{BootUnknownCode::unreadable, file.name};
    kernels.push_back(&file);
  }
  std::ranges::sort(kernels, stands_before);
  for (const auto* file : kernels) found.names.push_back(file->name);
  if (conf.folds_kernels && !found.why_no_first) found.why_no_first = why_no_first(kernels);
  return found;
}

std::optional<std::string> refind_version(std::string_view text,
                                          const std::vector<std::string>& extra) {
  auto begin = text.size();
  std::size_t last = 0;
  for (const auto& part : extra) {
    const auto at = text.find(part);
    if (at == std::string_view::npos || part.empty()) continue;
    begin = at;
    last = at + part.size() - 1;
    break;
  }
  constexpr std::string_view digits = "0123456789";
  begin = std::min(begin, text.find_first_of(digits));
  if (const auto digit = text.find_last_of(digits); digit != std::string_view::npos) {
    last = std::max(last, digit);
  }
  if (last == 0 || last < begin) return std::nullopt;
  return std::string(text.substr(begin, last - begin + 1));
}

RefindInitrd refind_initrd(const RefindDirectory& directory, const std::string& kernel,
                           const RefindConf& conf) {
  struct Candidate {
    const std::string* name;
    std::size_t shared;
  };
  const auto lower_version = [&](const std::string& name) {
    auto version = refind_version(name, conf.version_strings);
    if (version) version = lower_case(*version);
    return version;
  };
  const auto version = refind_version(kernel, conf.version_strings);
  const auto wanted = lower_version(kernel);
  std::vector<Candidate> candidates;
  for (const auto& file : directory.files) {
    const auto name = lower_case(file.name);
    if (!name.starts_with("init") && !name.starts_with("booster")) continue;
    if (lower_version(file.name) != wanted) continue;
    const auto count = version ? shared(refind_path_of(directory, kernel),
                                        refind_path_of(directory, file.name), *version)
                               : 0;
    candidates.push_back({&file.name, count});
  }
  if (candidates.empty()) return {};
  const auto better = [](const Candidate& left, const Candidate& right) {
    if (left.shared != right.shared) return left.shared > right.shared;
    return left.name->size() < right.name->size();
  };
  std::ranges::sort(candidates, better);
  const auto& best = candidates.front();
  if (candidates.size() > 1 && !better(best, candidates[1])) {
    return {std::nullopt, which(*best.name, *candidates[1].name, "the initrd of " + kernel)};
  }
  return {*best.name};
}

}  // namespace vfio_switch
