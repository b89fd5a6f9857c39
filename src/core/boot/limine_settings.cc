// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/limine_settings.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"

namespace vfio_switch {

namespace {

/// A line that says what kernels get.
struct Setting {
  std::size_t begin = 0;  ///< of the value in the text, without quotes
  std::size_t size = 0;
  bool is_for_all = false;  ///< [default]; otherwise for one kernel, or for fallback entries
  bool replaces = false;    ///< by a plain '='
  bool is_whole = true;     ///< its quotes are closed

  [[nodiscard]] std::string_view value(std::string_view text) const {
    return text.substr(begin, size);
  }
};

std::vector<Setting> settings_of(std::string_view text) {
  constexpr std::string_view key = "KERNEL_CMDLINE[";
  std::vector<Setting> found;
  for (const auto line : split_lines(text)) {
    const auto trimmed = trim(line);
    if (!trimmed.starts_with(key)) continue;
    const auto close = trimmed.find(']');
    const auto equals = trimmed.find('=', close);
    if (close == std::string_view::npos || equals == std::string_view::npos) continue;
    Setting setting;
    setting.is_for_all = trimmed.substr(key.size(), close - key.size()) == "default";
    setting.replaces = trim(trimmed.substr(close + 1, equals - close)) == "=";
    const auto behind = trimmed.substr(equals + 1);
    auto value = trim(without_comment(trim(behind)));
    if (value.empty()) value = behind.substr(0, 0);  // trim() leaves no place of one
    const bool opens = !value.empty() && (value.front() == '"' || value.front() == '\'');
    if (opens) {
      setting.is_whole = value.size() > 1 && value.back() == value.front();
      value.remove_prefix(1);
      if (setting.is_whole) value.remove_suffix(1);
    }
    setting.begin = static_cast<std::size_t>(value.data() - text.data());
    setting.size = value.size();
    found.push_back(setting);
  }
  return found;
}

const Setting* last_for_all(const std::vector<Setting>& settings) {
  const Setting* last = nullptr;
  for (const auto& setting : settings) {
    if (setting.is_for_all) last = &setting;
  }
  return last;
}

}  // namespace

bool limine_settings_have(std::string_view text, std::string_view parameter) {
  bool has = false;
  for (const auto& setting : settings_of(text)) {
    if (!setting.is_for_all) continue;
    has = (has && !setting.replaces) || has_parameter(setting.value(text), parameter);
  }
  return has;
}

bool limine_settings_replace(std::string_view text) {
  return std::ranges::any_of(settings_of(text), [](const auto& setting) {
    return setting.is_for_all && setting.replaces;
  });
}

bool limine_settings_say(std::string_view text) {
  return !settings_of(text).empty();
}

std::optional<std::string> add_limine_parameter(std::string_view text, std::string_view parameter) {
  const auto settings = settings_of(text);
  const auto* last = last_for_all(settings);
  if (last == nullptr || !last->is_whole) return std::nullopt;
  auto added = add_parameter(last->value(text), parameter);
  if (!added) return std::nullopt;
  // What comes first in an appended value would become one word with what is there.
  if (last->size == 0 && !last->replaces) added->insert(0, " ");
  return std::string(text).replace(last->begin, last->size, *added);
}

std::string remove_limine_parameter(std::string_view text, std::string_view parameter) {
  std::string changed(text);
  for (const auto& setting : settings_of(text)) {
    if (!setting.is_for_all || !has_parameter(setting.value(text), parameter)) continue;
    changed = std::string(text).replace(setting.begin, setting.size,
                                        remove_parameter(setting.value(text), parameter));
  }
  return changed;
}

}  // namespace vfio_switch
