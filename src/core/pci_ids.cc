// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/pci_ids.h"

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace vfio_switch {

namespace {

/// "10de  NVIDIA Corporation", and a device's line behind its tab.
struct Entry {
  std::uint16_t id = 0;
  std::string_view name;
};

std::optional<Entry> parse_entry(std::string_view line) {
  constexpr std::size_t digits = 4;
  if (line.size() < digits + 2 || line.substr(digits, 2) != "  ") return std::nullopt;
  const auto id = parse_hex(line.substr(0, digits));
  if (!id) return std::nullopt;
  return Entry{static_cast<std::uint16_t>(*id), trim(line.substr(digits))};
}

}  // namespace

PciNames find_pci_names(std::string_view database, const std::set<PciId>& ids) {
  PciNames names;
  std::optional<Entry> vendor;  // whose devices follow; nothing where none of them is asked for
  while (!database.empty()) {
    const auto line = database.substr(0, database.find('\n'));
    database.remove_prefix(std::min(line.size() + 1, database.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() != '\t') {
      vendor = parse_entry(line);
      if (!vendor) continue;
      auto id = ids.lower_bound({vendor->id, 0});
      if (id == ids.end() || id->vendor != vendor->id) vendor.reset();
      for (; id != ids.end() && vendor && id->vendor == vendor->id; ++id) names[*id] = vendor->name;
    } else if (vendor) {
      const auto device = parse_entry(line.substr(1));
      const auto found = device ? names.find({vendor->id, device->id}) : names.end();
      if (found != names.end()) found->second.append(" ").append(device->name);
    }
  }
  return names;
}

}  // namespace vfio_switch
