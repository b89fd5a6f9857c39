// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/host_config.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t address_length = std::string_view("0000:01:00.0").size();

/// The function that a path of /dev/dri names: "/dev/dri/card1", or by-path, where hwdb's colons
/// may be escaped for a list whose separator is the colon.
std::optional<PciAddress> address_of_node(std::string node, const DriNodes& nodes) {
  std::erase(node, '\\');
  constexpr std::string_view directory = "/dev/dri/";
  if (!node.starts_with(directory)) return std::nullopt;
  const auto name = node.substr(directory.size());
  if (const auto found = nodes.find(name); found != nodes.end()) return found->second;
  constexpr std::string_view by_path = "by-path/pci-";
  if (!name.starts_with(by_path)) return std::nullopt;
  return PciAddress::parse(std::string_view(name).substr(by_path.size(), address_length));
}

/// Every path of /dev/dri in `text`, whatever separates them.
std::vector<PciAddress> named_cards(std::string_view text, const DriNodes& nodes) {
  constexpr std::string_view directory = "/dev/dri/";
  std::vector<PciAddress> addresses;
  for (auto at = text.find(directory); at != std::string_view::npos; at = text.find(directory)) {
    text.remove_prefix(at);
    auto end = text.find_first_of(" \t\"',;", directory.size());
    end = std::min(end, text.find(":/", directory.size()));
    const auto address = address_of_node(std::string(text.substr(0, end)), nodes);
    if (address && std::ranges::find(addresses, *address) == addresses.end()) {
      addresses.push_back(*address);
    }
    text.remove_prefix(directory.size());
  }
  return addresses;
}

/// The setting of a line that names cards; empty where it names none.
std::string_view setting_of(std::string_view line) {
  constexpr std::array<std::string_view, 4> variables = {"KWIN_DRM_DEVICES", "WLR_DRM_DEVICES",
                                                         "AQ_DRM_DEVICES", "WLR_RENDER_DRM_DEVICE"};
  for (const auto variable : variables) {
    const auto at = line.find(variable);
    if (at == std::string_view::npos) continue;
    const auto behind = line.substr(at + variable.size(), 1);
    if (behind == "=" || behind == ",") return variable;  // Hyprland: env = NAME,VALUE
  }
  constexpr std::string_view tag = "mutter-device-preferred-primary";
  return line.find(tag) == std::string_view::npos ? std::string_view() : tag;
}

}  // namespace

std::vector<ConfigLine> command_line_lines(const std::string& path, std::string_view text) {
  auto lines = config_lines(path, text);
  std::string_view key;
  if (path.starts_with("/etc/default/grub")) key = "GRUB_CMDLINE_LINUX";
  if (path.ends_with(".conf") && path.find("/loader/entries/") != std::string::npos) {
    key = "options";
  }
  std::erase_if(lines, [&](const ConfigLine& line) { return !line.text.starts_with(key); });
  return lines;
}

std::vector<Framebuffer> parse_iomem(std::string_view text) {
  constexpr std::array<std::string_view, 6> names = {"efifb",     "vesafb", "simplefb",
                                                     "simpledrm", "BOOTFB", "simple-framebuffer"};
  struct Level {
    std::size_t depth;
    std::optional<PciAddress> address;
  };
  std::vector<Framebuffer> framebuffers;
  std::vector<Level> above;
  for (const auto line : split_lines(text)) {
    const auto depth = line.find_first_not_of(' ');
    const auto colon = line.find(" : ");
    if (colon == std::string_view::npos) continue;
    const auto name = trim(line.substr(colon + 3));
    while (!above.empty() && above.back().depth >= depth) above.pop_back();
    above.push_back({depth, PciAddress::parse(name)});
    const bool is_framebuffer =
        std::ranges::any_of(names, [&](std::string_view one) { return name.starts_with(one); });
    if (!is_framebuffer) continue;
    const auto owner = std::ranges::find_if(
        above.rbegin(), above.rend(), [](const Level& level) { return level.address.has_value(); });
    if (owner == above.rend()) continue;
    const bool known = std::ranges::any_of(
        framebuffers, [&](const Framebuffer& other) { return other.address == *owner->address; });
    if (!known) framebuffers.push_back({std::string(name), *owner->address});
  }
  return framebuffers;
}

std::vector<CompositorSetting> parse_compositor_settings(const std::string& path,
                                                         std::string_view text,
                                                         const DriNodes& nodes) {
  std::vector<CompositorSetting> settings;
  for (const auto& line : config_lines(path, text)) {
    const auto setting = setting_of(line.text);
    if (setting.empty() || line.text.starts_with("--")) continue;
    for (const auto& address : named_cards(line.text, nodes)) {
      settings.push_back({std::string(setting), address, line});
    }
  }
  return settings;
}

}  // namespace vfio_switch
