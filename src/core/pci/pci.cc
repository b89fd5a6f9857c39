// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/pci/pci.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// A hex number of exactly `width` digits at the front of `text`, which moves past it.
std::optional<unsigned> take_hex(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  const auto value = parse_hex(text.substr(0, width));
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<PciAddress> PciAddress::parse(std::string_view text) {
  unsigned domain = 0;
  if (const auto colon = text.find(':');
      colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
    if (colon < 4 || colon > 8) return std::nullopt;
    const auto parsed = parse_hex(text.substr(0, colon));
    if (!parsed) return std::nullopt;
    domain = *parsed;
    text.remove_prefix(colon + 1);
  }
  const auto bus = take_hex(text, 2);
  if (!bus || !take(text, ':')) return std::nullopt;
  const auto device = take_hex(text, 2);
  if (!device || *device > 0x1f || !take(text, '.')) return std::nullopt;
  const auto function = take_hex(text, 1);
  if (!function || *function > 7 || !text.empty()) return std::nullopt;
  return PciAddress{domain, static_cast<std::uint8_t>(*bus), static_cast<std::uint8_t>(*device),
                    static_cast<std::uint8_t>(*function)};
}

std::string PciAddress::str() const {
  return to_hex(domain, 4) + ":" + to_hex(bus, 2) + ":" + to_hex(device, 2) + "." +
         to_hex(function, 1);
}

bool PciAddress::same_slot(const PciAddress& other) const {
  return domain == other.domain && bus == other.bus && device == other.device;
}

std::optional<PciId> PciId::parse(std::string_view text) {
  const auto vendor = take_hex(text, 4);
  if (!vendor || !take(text, ':')) return std::nullopt;
  const auto device = take_hex(text, 4);
  if (!device || !text.empty()) return std::nullopt;
  return PciId{static_cast<std::uint16_t>(*vendor), static_cast<std::uint16_t>(*device)};
}

std::string PciId::str() const {
  return to_hex(vendor, 4) + ":" + to_hex(device, 4);
}

std::string PciClass::str() const {
  return "0x" + to_hex(code, 6);
}

bool is_thunderbolt(PciId id) {
  constexpr std::uint16_t intel = 0x8086;
  constexpr std::array<std::uint16_t, 20> bridges = {
      0x0b26, 0x1136, 0x1549, 0x1567, 0x1569, 0x156b, 0x156d, 0x1576, 0x1578, 0x157e,
      0x15c0, 0x15d3, 0x15da, 0x15e7, 0x15ea, 0x15ef, 0x5780, 0x5783, 0x5786, 0x57a4};
  return id.vendor == intel && std::ranges::find(bridges, id.device) != bridges.end();
}

std::optional<PciIdentity> parse_modalias(std::string_view text) {
  struct Field {
    std::string_view before;
    std::size_t digits;
  };
  constexpr std::array<Field, 7> fields = {
      {{"pci:v", 8}, {"d", 8}, {"sv", 8}, {"sd", 8}, {"bc", 2}, {"sc", 2}, {"i", 2}}};
  std::array<unsigned, fields.size()> values{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!text.starts_with(fields[i].before)) return std::nullopt;
    text.remove_prefix(fields[i].before.size());
    const auto value = take_hex(text, fields[i].digits);
    if (!value) return std::nullopt;
    values[i] = *value;
  }
  if (!text.empty()) return std::nullopt;
  const auto id = [&](std::size_t i) {
    return PciId{static_cast<std::uint16_t>(values[i]), static_cast<std::uint16_t>(values[i + 1])};
  };
  return PciIdentity{id(0), id(2), {values[4] << 16U | values[5] << 8U | values[6]}};
}

}  // namespace vfio_switch
