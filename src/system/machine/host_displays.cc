// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/host_displays.h"

#include <array>
#include <iterator>
#include <string_view>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

using Parse = std::vector<DisplayClaim> (*)(std::string_view file, std::string_view text);

Result<void> add_file(const FileReader& files, const std::string& path, Parse parse,
                      std::vector<DisplayClaim>& claims) {
  auto text = files.read(path);
  if (!text) return failure_of(text);
  for (auto& claim : parse(path, text->value_or(""))) claims.push_back(std::move(claim));
  return {};
}

Result<void> add_directory(const FileReader& files, const std::string& directory,
                           std::string_view suffix, Parse parse,
                           std::vector<DisplayClaim>& claims) {
  auto names = files.list(directory);
  if (!names) return failure_of(names);
  for (const auto& name : *names) {
    if (!name.ends_with(suffix)) continue;
    if (auto added = add_file(files, directory + "/" + name, parse, claims); !added) return added;
  }
  return {};
}

}  // namespace

Result<std::vector<DisplayClaim>> read_display_claims(const FileReader& files,
                                                      const std::vector<PciDevice>& devices) {
  std::vector<DisplayClaim> claims;
  if (auto added = add_file(files, "/etc/X11/xorg.conf", parse_xorg_config, claims); !added) {
    return failure_of(added);
  }
  constexpr std::array<const char*, 2> xorg = {"/etc/X11/xorg.conf.d",
                                               "/usr/share/X11/xorg.conf.d"};
  for (const auto* directory : xorg) {
    auto added = add_directory(files, directory, ".conf", parse_xorg_config, claims);
    if (!added) return failure_of(added);
  }
  auto seats = add_directory(files, "/etc/udev/rules.d", ".rules", parse_seat_rules, claims);
  if (!seats) return failure_of(seats);

  const std::string prime = "/etc/prime-discrete";
  auto profile = files.read(prime);
  if (!profile) return failure_of(profile);
  const std::string mode(trim(profile->value_or("")));
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
