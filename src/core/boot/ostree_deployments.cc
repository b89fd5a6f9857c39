// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/ostree_deployments.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/boot/boot_entry.h"
#include "core/boot/parameter_file.h"

namespace vfio_switch {

namespace {

/// The words of a staged deployment, a serialised a{sv}, from its "kargs" on: each string ends with
/// a NUL, and what else is there is no word of a command line.
std::optional<std::vector<std::string_view>> staged_words(std::string_view staged) {
  using namespace std::string_view_literals;
  constexpr auto key = "kargs\0"sv;
  const auto begin = staged.find(key);
  if (begin == std::string_view::npos) return std::nullopt;
  return split_words(staged.substr(begin + key.size()), "\0"sv);
}

}  // namespace

const ParameterFile* next_deployment(const Deployments& deployments) {
  const ParameterFile* next = nullptr;
  std::string_view highest;
  for (const auto& entry : deployments.entries) {
    const auto* content = content_of(entry);
    if (content == nullptr || !counts(entry)) continue;
    const auto version = entry_version(*content);
    if (next != nullptr && version_less(version, highest)) continue;
    next = &entry;
    highest = version;
  }
  return next;
}

bool next_has(const Deployments& deployments, std::string_view parameter) {
  if (const auto words = staged_words(deployments.staged)) {
    return std::ranges::find(*words, parameter) != words->end();
  }
  const auto* next = next_deployment(deployments);
  return next != nullptr && has_parameter(*next, parameter);
}

}  // namespace vfio_switch
