// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/host_displays.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "core/base/text.h"
#include "core/modules/vfio_driver.h"

namespace vfio_switch {

namespace {

bool is_numbered(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return false;
  return std::ranges::all_of(name.substr(prefix.size()),
                             [](char c) { return c >= '0' && c <= '9'; });
}

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

  const std::string prime(prime_profile_path);
  const auto profile = files.text(prime);
  const std::string mode(trim(profile));
  constexpr std::uint16_t nvidia = 0x10de;
  for (const auto& device : devices) {
    if ((mode == "nvidia" || mode == "on") && device.id.vendor == nvidia &&
        device.device_class.is_display()) {
      claims.push_back({device.address, {prime}});
    }
  }
  return claims;
}

Result<bool> has_host_display(const FileReader& files, const SystemFacts& facts) {
  auto drm = files.list("/sys/class/drm");
  if (!drm) return failure_of(drm);
  for (const auto& name : *drm) {
    // "card0-HDMI-A-1", and no Writeback connector, which shows nothing.
    const auto dash = name.find('-');
    if (dash == std::string::npos || !is_numbered(name.substr(0, dash), "card")) continue;
    if (!std::string_view(name).substr(dash + 1).starts_with("Writeback")) return true;
  }
  const bool gave_away = std::ranges::any_of(facts.devices, [](const PciDevice& device) {
    return device.boot_vga == true && is_vfio_driver(device.driver);
  });
  if (gave_away) return false;
  auto framebuffers = files.list("/sys/class/graphics");
  if (!framebuffers) return failure_of(framebuffers);
  return std::ranges::any_of(*framebuffers,
                             [](const std::string& name) { return is_numbered(name, "fb"); });
}

}  // namespace vfio_switch
