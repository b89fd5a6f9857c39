// SPDX-License-Identifier: GPL-3.0-or-later
// What names a card for the host, and which boot file systems are mounted.
#include <algorithm>
#include <string>

#include "core/base/text.h"
#include "core/boot/mounts.h"
#include "core/machine/display_config.h"
#include "fuzz.h"

namespace {

using vfio_switch::DisplayClaim;
using vfio_switch::fuzz::expect;

void check_claims(const std::vector<DisplayClaim>& claims, std::string_view text) {
  expect(claims.size() <= vfio_switch::split_lines(text).size(), "a line claims one card");
  for (const auto& claim : claims) {
    const auto& address = claim.address;
    expect(vfio_switch::PciAddress::parse(address.str()) == address, "an address", address.str());
    expect(claim.where.path == "FILE" && claim.where.line > 0, "a claim says where it stands",
           claim.text);
  }
}

}  // namespace

FUZZ(text) {
  const auto xorg = vfio_switch::parse_xorg_config("FILE", text);
  check_claims(xorg, text);
  std::string rendered;
  for (const auto& claim : xorg) {
    const auto& address = claim.address;
    rendered += "BusID \"PCI:" + std::to_string(address.bus) + "@" +
                std::to_string(address.domain) + ":" + std::to_string(address.device) + ":" +
                std::to_string(address.function) + "\"\n";
  }
  const auto same = [](const DisplayClaim& left, const DisplayClaim& right) {
    return left.address == right.address;
  };
  expect(std::ranges::equal(vfio_switch::parse_xorg_config("FILE", rendered), xorg, same),
         "the same when rendered", rendered);
  check_claims(vfio_switch::parse_seat_rules("FILE", text), text);

  const auto cut = text.find('\0');
  const auto fstab = text.substr(0, cut);
  const auto mounts = cut == std::string_view::npos ? std::string_view() : text.substr(cut + 1);
  const auto expected = vfio_switch::unmounted_boot_paths(fstab, "");
  for (const auto& path : vfio_switch::unmounted_boot_paths(fstab, mounts)) {
    expect(path == "/boot" || path == "/boot/efi" || path == "/efi", "a boot path", path);
    expect(std::ranges::find(expected, path) != expected.end(),
           "what is mounted asks for nothing more", path);
  }
}
