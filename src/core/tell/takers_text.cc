// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/takers_text.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// A driver, and what it takes.
using Taker = std::pair<std::string, std::vector<std::string>>;

std::vector<Taker> by_driver(const std::vector<Occupant>& takers) {
  std::vector<Taker> drivers;
  for (const auto& [address, driver] : takers) {
    const auto name = driver ? printable(*driver) : "no driver";
    auto found = std::ranges::find(drivers, name, &Taker::first);
    if (found == drivers.end()) found = drivers.insert(found, {name, {}});
    found->second.push_back(address.str());
  }
  return drivers;
}

}  // namespace

std::string takers_text(const std::vector<Occupant>& takers, std::string_view verb) {
  std::vector<std::string> parts;
  for (const auto& [driver, functions] : by_driver(takers)) {
    parts.push_back(driver + " will " + std::string(verb) + " " + enumerate(functions));
  }
  return enumerate(parts);
}

std::string card_takers_text(const std::vector<Occupant>& takers) {
  const auto drivers = by_driver(takers);
  const bool all =
      std::ranges::all_of(takers, [](const Occupant& one) { return one.driver.has_value(); });
  if (!all && drivers.size() > 1) return takers_text(takers, "bind");
  std::vector<std::string> names;
  for (const auto& taker : drivers) names.push_back(taker.first);
  return enumerate(names) + " will bind the card";
}

}  // namespace vfio_switch
