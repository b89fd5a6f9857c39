// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/doctor/holders.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/base/text.h"
#include "system/files/best_effort.h"
#include "system/pci/sysfs.h"

namespace vfio_switch {

namespace {

using Nodes = std::map<std::string, PciAddress>;

/// Adds the device files of a class: those in `directory` named as the class's entries are.
void add_class(const FileReader& files, const std::string& name, const std::string& directory,
               Nodes& nodes) {
  for (const auto& entry : names_in(files, "/sys/class/" + name)) {
    const auto target = files.read_link("/sys/class/" + name + "/" + entry);
    if (!target) continue;
    if (const auto address = function_of_path(*target)) nodes[directory + entry] = *address;
  }
}

/// NVIDIA's driver has files of its own; what they are of is in /proc.
void add_nvidia(const FileReader& files, Nodes& nodes) {
  const std::string gpus = "/proc/driver/nvidia/gpus/";
  for (const auto& name : names_in(files, gpus)) {
    const auto address = PciAddress::parse(name);
    const auto text = text_of(files, gpus + name + "/information");
    for (const auto line : split_lines(text)) {
      constexpr std::string_view key = "Device Minor:";
      if (!address || !line.starts_with(key)) continue;
      nodes["/dev/nvidia" + std::string(trim(line.substr(key.size())))] = *address;
    }
  }
}

}  // namespace

DriNodes read_dri_nodes(const FileReader& files) {
  DriNodes nodes;
  add_class(files, "drm", "", nodes);
  return nodes;
}

std::vector<Holder> read_holders(const FileReader& files) {
  Nodes nodes;
  add_class(files, "drm", "/dev/dri/", nodes);
  add_class(files, "sound", "/dev/snd/", nodes);
  add_nvidia(files, nodes);
  std::vector<Holder> holders;
  if (nodes.empty()) return holders;
  for (const auto& name : names_in(files, "/proc")) {
    int pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    const auto process = "/proc/" + name;
    std::map<std::string, PciAddress> open;
    for (const auto& descriptor : names_in(files, process + "/fd")) {
      const auto target = files.read_link(process + "/fd/" + descriptor);
      const auto node = target ? nodes.find(*target) : nodes.end();
      if (node != nodes.end()) open.insert(*node);
    }
    if (open.empty()) continue;
    const auto program = text_of(files, process + "/comm");
    for (const auto& [node, address] : open) {
      holders.push_back({std::string(trim(program)), pid, node, address});
    }
  }
  return holders;
}

}  // namespace vfio_switch
