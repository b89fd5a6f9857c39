// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci/host_uses.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/text.h"
#include "system/files/best_effort.h"
#include "system/pci/mounted_disks.h"
#include "system/pci/sysfs.h"

namespace vfio_switch {

namespace {

const std::string blocks = "/sys/class/block/";
const std::string inputs = "/sys/class/input/";
const std::string interfaces = "/sys/class/net/";

PciDevice* owner(std::vector<PciDevice>& devices, std::string_view path) {
  const auto address = function_of_path(path);
  if (!address) return nullptr;
  const auto found = std::ranges::lower_bound(devices, *address, {}, &PciDevice::address);
  return found == devices.end() || found->address != *address ? nullptr : &*found;
}

/// "nvme0n1", of "nvme0c1n1": a way to a disk that may have several, and that is below no
/// controller itself (Linux, drivers/nvme/host/multipath.c). Nothing for other names.
std::optional<std::string> head_of_way(std::string_view name) {
  const auto controller = name.find('c');
  if (!name.starts_with("nvme") || controller == std::string_view::npos) return std::nullopt;
  const auto disk = name.find('n', controller);
  if (disk == std::string_view::npos) return std::nullopt;
  return std::string(name.substr(0, controller)) + std::string(name.substr(disk));
}

/// Who has the disks below /sys/devices/virtual/nvme-subsystem/nvme-subsys0/.
std::string_view head_of_path(std::string_view path) {
  const auto words = split_words(path, "/");
  const auto found = std::ranges::find(words, "nvme-subsystem");
  return words.end() - found > 2 ? *(found + 2) : std::string_view();
}

void add_disks(const FileReader& files, std::vector<PciDevice>& devices) {
  struct Block {
    std::string name;
    std::string path;
  };
  std::vector<Block> found;
  std::multimap<std::string, PciDevice*, std::less<>> ways;
  for (const auto& name : names_in(files, blocks)) {
    const auto path = files.read_link(blocks + name);
    if (!path) continue;
    auto* device = owner(devices, *path);
    if (device != nullptr) device->dependants.push_back("disk " + name);
    const auto head = head_of_way(name);
    if (!head) found.push_back({name, *path});
    if (head && device != nullptr) ways.emplace(*head, device);
  }
  if (found.empty()) return;
  const MountedDisks mounted(files);
  for (const auto& [name, path] : found) {
    std::vector<PciDevice*> owners;
    if (auto* device = owner(devices, path)) owners.push_back(device);
    const auto [first, last] = ways.equal_range(head_of_path(path));
    for (auto way = first; way != last; ++way) owners.push_back(way->second);
    if (owners.empty()) continue;
    const bool is_whole = !files.exists(blocks + name + "/partition");
    const auto use = mounted.use_of(name);
    for (auto* device : owners) {
      if (is_whole) device->disks.push_back(name);
      if (use) device->uses.push_back(*use);
    }
  }
}

/// A keyboard has the keys Esc to S: what udev's input_id builtin asks for.
bool is_keyboard(const FileReader& files, const std::string& input) {
  const auto keys = text_of(files, input + "/capabilities/key");
  const auto words = split_words(keys);
  constexpr unsigned long long first_31_keys = 0xfffffffe;
  unsigned long long low = 0;
  if (words.empty()) return false;
  const auto word = words.back();
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), low, 16);
  return error == std::errc() && (low & first_31_keys) == first_31_keys;
}

bool add_keyboards(const FileReader& files, std::vector<PciDevice>& devices) {
  bool keyboard_elsewhere = false;
  for (const auto& name : names_in(files, inputs)) {
    const auto path = files.read_link(inputs + name);
    if (!path || !name.starts_with("input") || !is_keyboard(files, inputs + name)) continue;
    auto* device = owner(devices, *path);
    if (device == nullptr) keyboard_elsewhere = true;
    if (device != nullptr) device->keyboard = true;
  }
  if (!keyboard_elsewhere && std::ranges::count(devices, true, &PciDevice::keyboard) == 1) {
    std::ranges::find(devices, true, &PciDevice::keyboard)
        ->dependants.emplace_back("the only keyboard");
  }
  return keyboard_elsewhere;
}

/// The interfaces that a default route of IPv4 or IPv6 names.
std::set<std::string> interfaces_of_default_routes(const FileReader& files) {
  std::set<std::string> names;
  constexpr std::size_t mask = 7;
  constexpr std::size_t interface = 9;
  const std::string_view all = "00000000";
  const auto routes = text_of(files, "/proc/net/route");
  for (const auto line : split_lines(routes)) {
    const auto words = split_words(line);
    if (words.size() > mask && words[1] == all && words[mask] == all) names.emplace(words[0]);
  }
  const auto routes6 = text_of(files, "/proc/net/ipv6_route");
  for (const auto line : split_lines(routes6)) {
    const auto words = split_words(line);
    const bool is_default = words.size() > interface && words[1] == "00" &&
                            words[0].find_first_not_of('0') == std::string_view::npos;
    if (is_default && words[interface] != "lo") names.emplace(words[interface]);
  }
  return names;
}

/// Follows a bridge, a bond or a VLAN to the interfaces that it is made of.
void add_route(const FileReader& files, std::vector<PciDevice>& devices, const std::string& name,
               std::set<std::string>& seen) {
  constexpr std::string_view lower = "lower_";
  if (!seen.insert(name).second) return;
  const auto path = files.read_link(interfaces + name);
  auto* device = path ? owner(devices, *path) : nullptr;
  if (device != nullptr) device->uses.push_back({HostUse::Kind::route, name});
  for (const auto& entry : names_in(files, interfaces + name)) {
    if (entry.starts_with(lower)) add_route(files, devices, entry.substr(lower.size()), seen);
  }
}

}  // namespace

bool read_host_uses(const FileReader& files, std::vector<PciDevice>& devices) {
  add_disks(files, devices);
  std::set<std::string> seen;
  for (const auto& name : interfaces_of_default_routes(files)) {
    add_route(files, devices, name, seen);
  }
  return add_keyboards(files, devices);
}

}  // namespace vfio_switch
