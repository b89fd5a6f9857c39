// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/host_displays.h"

#include <array>
#include <iterator>
#include <string_view>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

using Parse = std::vector<DisplayClaim> (*)(std::string_view file, std::string_view text);

void add_file(ForeignFiles& files, const std::string& path, Parse parse,
              std::vector<DisplayClaim>& claims) {
  for (auto& claim : parse(path, files.text(path))) claims.push_back(std::move(claim));
}

void add_directory(ForeignFiles& files, const std::string& directory, std::string_view suffix,
                   Parse parse, std::vector<DisplayClaim>& claims) {
  for (const auto& path : files.paths(directory, suffix)) add_file(files, path, parse, claims);
}

}  // namespace

std::vector<DisplayClaim> read_display_claims(ForeignFiles& files,
                                              const std::vector<PciDevice>& devices) {
  std::vector<DisplayClaim> claims;
  add_file(files, "/etc/X11/xorg.conf", parse_xorg_config, claims);
  constexpr std::array<const char*, 2> xorg = {"/etc/X11/xorg.conf.d",
                                               "/usr/share/X11/xorg.conf.d"};
  for (const auto* directory : xorg) {
    add_directory(files, directory, ".conf", parse_xorg_config, claims);
  }
  add_directory(files, "/etc/udev/rules.d", ".rules", parse_seat_rules, claims);

  const std::string prime = "/etc/prime-discrete";
  const auto profile = files.text(prime);
  const std::string mode(trim(profile));
  constexpr std::uint16_t nvidia = 0x10de;
  for (const auto& device : devices) {
    if ((mode == "nvidia" || mode == "on") && device.id.vendor == nvidia &&
        device.device_class.is_display()) {
      claims.push_back({device.address, prime});
    }
  }
  return claims;
}

}  // namespace vfio_switch
