// SPDX-License-Identifier: GPL-3.0-or-later
// The sysfs readers on a tree in memory, and the choice of a card from whatever they found.
#include "system/pci/sysfs.h"

#include <algorithm>

#include "core/cards/card.h"
#include "core/cards/selection.h"
#include "fuzz.h"
#include "memory_reader.h"
#include "system/machine/probe.h"
#include "system/pci/pci_names.h"

namespace vfio_switch {

// Names are for people only, and loading the database would take most of the time. Defined here,
// they keep the library's own from being linked.
PciNames::PciNames() = default;
std::string PciNames::name(std::string_view /*modalias*/) const {
  return {};
}
void PciNames::Closer::operator()(udev* /*context*/) const {}
void PciNames::Closer::operator()(udev_hwdb* /*database*/) const {}

}  // namespace vfio_switch

namespace {

using vfio_switch::PciAddress;
using vfio_switch::fuzz::expect;

void check_device(const vfio_switch::PciDevice& device) {
  expect(PciAddress::parse(device.address.str()) == device.address, "an address");
  expect(!device.driver_module || device.driver, "no module without a driver");
  for (const auto& connector : device.connectors) expect(!connector.name.empty(), "a name");
}

void check_selection(const vfio_switch::SystemFacts& facts) {
  const auto selection = vfio_switch::select(facts, {});
  expect(std::ranges::is_sorted(selection.functions), "functions are sorted");
  expect(selection.cards.empty() || selection.refusals.empty(), "taken or refused, never both");
  for (const auto& gpu : selection.gpus) {
    expect(std::ranges::find(gpu.functions, gpu.gpu) != gpu.functions.end(), "a card has its GPU");
    expect(!gpu.selected || gpu.eligible(), "who is refused is not taken");
    const auto* device = vfio_switch::find_device(facts, gpu.gpu);
    expect(device != nullptr, "a card that is there");
    expect(device->boot_vga != true || !gpu.selected, "the boot GPU stays");
  }
  for (const auto& address : selection.functions) {
    expect(vfio_switch::find_device(facts, address) != nullptr, "a function that is there");
  }
}

}  // namespace

FUZZ(text) {
  const vfio_switch::fuzz::MemoryReader files(text);
  const auto facts = vfio_switch::probe_devices(files);
  if (!facts) {
    expect(!facts.error().message.empty(), "an error says what is wrong");
    return;
  }
  const auto& devices = facts->devices;
  expect(std::ranges::is_sorted(devices, {}, &vfio_switch::PciDevice::address), "sorted");
  expect(std::ranges::adjacent_find(devices, {}, &vfio_switch::PciDevice::address) == devices.end(),
         "each address once");
  std::ranges::for_each(devices, check_device);
  check_selection(*facts);
}
