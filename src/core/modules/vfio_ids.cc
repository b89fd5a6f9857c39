// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/vfio_ids.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::uint32_t any_id = std::numeric_limits<std::uint32_t>::max();  // PCI_ANY_ID

/// Reads one "%x" of sscanf(3) off `text`; nothing where there is no number.
std::optional<std::uint32_t> take_hex(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  const auto length = std::min(text.find_first_not_of(digits), text.size());
  if (length == 0 || length > 8) return std::nullopt;
  const auto value = parse_hex(text.substr(0, length));
  text.remove_prefix(length);
  return value;
}

bool is_16_bit(std::uint32_t value) {
  return value <= std::numeric_limits<std::uint16_t>::max();
}

template <class T>
bool is_any_or(const std::optional<T>& wanted, T value) {
  return !wanted || *wanted == value;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == text.back() &&
      (text.front() == '"' || text.front() == '\'')) {
    text.remove_prefix(1);
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

std::optional<VfioId> VfioId::parse(std::string_view text) {
  std::array<std::uint32_t, 6> field = {0, 0, any_id, any_id, 0, 0};
  std::size_t read = 0;
  while (read < field.size()) {
    const auto value = take_hex(text);
    if (!value) break;
    field[read++] = *value;
    if (!text.starts_with(':')) break;
    text.remove_prefix(1);
  }
  if (read < 2 || !is_16_bit(field[0]) || !is_16_bit(field[1])) return std::nullopt;
  VfioId id{{static_cast<std::uint16_t>(field[0]), static_cast<std::uint16_t>(field[1])}};
  // A subsystem of more than 16 bits is PCI_ANY_ID, as "ffffffff" is meant to be.
  if (is_16_bit(field[2])) id.subvendor = static_cast<std::uint16_t>(field[2]);
  if (is_16_bit(field[3])) id.subdevice = static_cast<std::uint16_t>(field[3]);
  id.class_mask = field[5];
  id.device_class = field[4] & field[5];
  return id;
}

std::string VfioId::str() const {
  auto text = id.str();
  const bool has_class = class_mask != 0;
  const auto sub = [&](const std::optional<std::uint16_t>& value) {
    text += ":" + (value ? to_hex(*value, 4) : std::string("ffffffff"));
  };
  if (subvendor || subdevice || has_class) sub(subvendor);
  if (subdevice || has_class) sub(subdevice);
  if (has_class) text += ":" + to_hex(device_class, 6) + ":" + to_hex(class_mask, 6);
  return text;
}

bool VfioId::matches(const PciDevice& device) const {
  return id == device.id && is_any_or(subvendor, device.subsystem.vendor) &&
         is_any_or(subdevice, device.subsystem.device) &&
         ((device.device_class.code ^ device_class) & class_mask) == 0;
}

bool VfioId::covers(const VfioId& other) const {
  return id == other.id && (!subvendor || subvendor == other.subvendor) &&
         (!subdevice || subdevice == other.subdevice) && (class_mask & ~other.class_mask) == 0 &&
         ((device_class ^ other.device_class) & class_mask) == 0;
}

VfioIds::VfioIds(const std::set<PciId>& ids) {
  for (const auto id : ids) ids_.insert(VfioId{id});
}

VfioIds VfioIds::parse(std::string_view list) {
  VfioIds ids;
  for (const auto word : split_words(unquoted(list), ",")) {
    if (const auto id = VfioId::parse(word)) {
      ids.ids_.insert(*id);
    } else {
      ids.not_understood_.emplace_back(word);
    }
  }
  return ids;
}

bool VfioIds::match(const PciDevice& device) const {
  return std::ranges::any_of(ids_, [&](const VfioId& id) { return id.matches(device); });
}

bool VfioIds::cover(const VfioIds& other) const {
  return std::ranges::all_of(other.ids_, [&](const VfioId& wanted) {
    return std::ranges::any_of(ids_, [&](const VfioId& id) { return id.covers(wanted); });
  });
}

void VfioIds::add(const VfioIds& others) {
  ids_.insert(others.ids_.begin(), others.ids_.end());
}

VfioIds VfioIds::without(const std::set<PciId>& ids) const {
  std::set<VfioId> rest;
  std::ranges::copy_if(ids_, std::inserter(rest, rest.end()),
                       [&](const VfioId& id) { return !ids.contains(id.id); });
  return VfioIds(std::move(rest));
}

std::string VfioIds::str() const {
  std::vector<std::string> words;
  for (const auto& id : ids_) words.push_back(id.str());
  return join(words, ",");
}

std::optional<VfioIds> ids_parameter(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (module_name(word.substr(0, equals)) != "vfio_pci.ids") return std::nullopt;
  return VfioIds::parse(word.substr(equals + 1));
}

std::optional<VfioIds> ids_option(std::string_view options) {
  std::optional<VfioIds> ids;
  for (const auto word : split_words(options)) {
    if (word.starts_with("ids=")) ids = VfioIds::parse(word.substr(4));
  }
  return ids;
}

std::optional<VfioIds> ids_of_command_line(std::string_view command_line) {
  std::optional<VfioIds> last;
  for (const auto word : split_words(command_line, " \t\n")) {
    if (auto ids = ids_parameter(word)) last = std::move(ids);
  }
  return last;
}

std::optional<VfioIds> ids_of_modprobe(const std::vector<ModprobeDirective>& directives) {
  std::optional<VfioIds> last;
  for (const auto& directive : directives) {
    if (directive.command != "options" || !directive.names("vfio_pci")) continue;
    if (auto ids = ids_option(directive.arguments)) last = std::move(ids);
  }
  return last;
}

}  // namespace vfio_switch
