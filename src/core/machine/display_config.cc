// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/display_config.h"

#include <array>
#include <charconv>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

std::optional<unsigned> parse_decimal(std::string_view text) {
  unsigned value = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// "PCI:1:0:0", "PCI:1@0:0:0", or without the function, which is then 0.
std::optional<PciAddress> parse_bus_id(std::string_view text) {
  if (text.find("::") != std::string_view::npos) return std::nullopt;
  const auto parts = split_words(text, ":");
  if (parts.size() < 3 || parts.size() > 4 || lower_case(parts[0]) != "pci") return std::nullopt;
  const auto bus_and_domain = split_words(parts[1], "@");
  const auto bus = bus_and_domain.empty() ? std::nullopt : parse_decimal(bus_and_domain[0]);
  const auto domain = bus_and_domain.size() == 2 ? parse_decimal(bus_and_domain[1]) : 0U;
  const auto device = parse_decimal(parts[2]);
  const auto function = parts.size() == 4 ? parse_decimal(parts[3]) : 0U;
  if (!bus || !domain || !device || !function || *bus > 255 || *device > 31 || *function > 7) {
    return std::nullopt;
  }
  return PciAddress{*domain, static_cast<std::uint8_t>(*bus), static_cast<std::uint8_t>(*device),
                    static_cast<std::uint8_t>(*function)};
}

/// udev's spelling of an address inside a name: "drm-pci-0000_01_00_0".
std::optional<PciAddress> find_udev_address(std::string_view line) {
  constexpr std::string_view mark = "pci-";
  constexpr std::size_t length = std::string_view("0000:01:00.0").size();
  const auto start = line.find(mark);
  if (start == std::string_view::npos) return std::nullopt;
  std::string text(line.substr(start + mark.size(), length));
  constexpr std::array<std::pair<std::size_t, char>, 3> separators = {
      {{4, ':'}, {7, ':'}, {10, '.'}}};
  for (const auto& [at, separator] : separators) {
    if (text.size() != length) return std::nullopt;
    text[at] = separator;
  }
  return PciAddress::parse(text);
}

}  // namespace

std::vector<DisplayClaim> parse_xorg_config(std::string_view file, std::string_view text) {
  std::vector<DisplayClaim> claims;
  int number = 0;
  for (const auto line : split_lines(text)) {
    ++number;
    const auto words = split_words(line, " \t\"\r");
    if (words.size() < 2) continue;
    if (lower_case(words[0]) != "busid") continue;
    if (const auto address = parse_bus_id(words[1])) {
      claims.push_back({*address, {std::string(file), number}, std::string(trim(line))});
    }
  }
  return claims;
}

std::vector<DisplayClaim> parse_seat_rules(std::string_view file, std::string_view text) {
  std::vector<DisplayClaim> claims;
  int number = 0;
  for (const auto raw : split_lines(text)) {
    ++number;
    const auto line = trim(raw);
    if (line.starts_with('#') || line.find("ENV{ID_SEAT}=") == std::string_view::npos) continue;
    if (const auto address = find_udev_address(line)) {
      claims.push_back({*address, {std::string(file), number}, std::string(line)});
    }
  }
  return claims;
}

Run select_integrated_gpu() {
  return {Command{{"prime-select", "intel"}}};
}

}  // namespace vfio_switch
