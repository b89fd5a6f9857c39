// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/variant_note.h"

#include <map>
#include <set>
#include <string>

namespace vfio_switch {

std::vector<Note> note_variants(const std::vector<Claim>& claims) {
  std::map<PciAddress, std::set<std::string>> variants;
  for (const auto& claim : claims) {
    if (claim.variants.empty()) continue;
    variants[claim.device].insert(claim.variants.begin(), claim.variants.end());
  }
  std::vector<Note> notes;
  for (const auto& [device, drivers] : variants) {
    notes.push_back(
        {NoteCause::variant_driver, {{"device", device}, {"drivers", words_of(drivers)}}});
  }
  return notes;
}

}  // namespace vfio_switch
