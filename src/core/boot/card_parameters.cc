// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/card_parameters.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

/// The value of `word` where its key is `key`, dash and underscore alike; nothing where it is not.
std::optional<std::string_view> value_of(std::string_view word, std::string_view key) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (module_name(word.substr(0, equals)) != module_name(key)) return std::nullopt;
  return word.substr(equals + 1);
}

bool names_vfio(std::string_view list) {
  return std::ranges::any_of(split_words(list, ","),
                             [](auto word) { return module_name(word) == "vfio_pci"; });
}

bool says(std::string_view list, std::string_view value) {
  return std::ranges::any_of(split_words(list, ","), [&](auto word) { return word == value; });
}

using Found = std::vector<TellingParameter>;

void add(Found& found, std::string_view word, ReasonCause effect, bool keeps_host = false) {
  found.push_back({std::string(word), effect, keeps_host});
}

void add_driver_choice(Found& found, std::string_view word) {
  if (const auto ids = ids_parameter(word)) {
    if (ids->empty()) {
      add(found, word, ReasonCause::leaves_card_to_host, true);
    } else {
      add(found, word, ReasonCause::gives_ids);
    }
  } else if (const auto blocked = value_of(word, "module_blacklist")) {
    if (names_vfio(*blocked)) add(found, word, ReasonCause::forbids_vfio, true);
  } else if (const auto hidden = value_of(word, "modprobe.blacklist")) {
    add(found, word, ReasonCause::blacklists_drivers);
  } else if (word == "nomodeset") {
    add(found, word, ReasonCause::keeps_framebuffer);
  }
}

void add_iommu_choice(Found& found, std::string_view word) {
  constexpr std::array<std::string_view, 3> keys = {"intel_iommu", "amd_iommu", "iommu"};
  for (const auto key : keys) {
    const auto value = value_of(word, key);
    if (!value) continue;
    if (says(*value, "off")) add(found, word, ReasonCause::turns_iommu_off, true);
    // Neither amd_iommu= nor iommu= has such a value (kernel-parameters.txt).
    const auto on = key == "intel_iommu" ? ReasonCause::turns_iommu_on : ReasonCause::no_effect;
    if (says(*value, "on")) add(found, word, on);
  }
}

}  // namespace

std::vector<TellingParameter> telling_parameters(std::string_view command_line) {
  Found found;
  for (const auto word : split_words(command_line, " \t\n")) {
    add_driver_choice(found, word);
    add_iommu_choice(found, word);
  }
  return found;
}

bool is_escape(std::string_view command_line) {
  const auto ids = ids_of_command_line(command_line);
  return ids && ids->empty();
}

std::string without_escape(std::string_view command_line) {
  std::vector<std::string> words;
  for (const auto word : split_words(command_line, " \t\n")) {
    if (!ids_parameter(word)) words.emplace_back(word);
  }
  return join(words, " ");
}

}  // namespace vfio_switch
