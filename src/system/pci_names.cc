// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci_names.h"

extern "C" {
#include <pci/pci.h>
}

#include <array>
#include <stdexcept>

namespace vfio_switch {

namespace {

// libpci's own handlers are set by pci_init() only, which would look for devices; and its error
// handler ends the process. A damaged database must not keep anybody from `disable`.
__attribute__((noreturn)) void on_error(char* /*message*/, ...) {
  throw std::runtime_error("libpci");
}
void on_message(char* /*message*/, ...) {}

}  // namespace

void PciNames::Closer::operator()(pci_access* access) const {
  pci_cleanup(access);
}

PciNames::PciNames() : access_(pci_alloc()) {
  access_->error = on_error;
  access_->warning = on_message;
  access_->debug = on_message;
}

std::string PciNames::name(PciId id) const {
  std::array<char, 256> buffer{};
  // Never make up "Device 1234"; and libpci leaks where there is no udev database.
  constexpr int only_names = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB;
  const auto lookup = [&](int what) {
    const char* found = pci_lookup_name(access_.get(), buffer.data(), int{buffer.size()},
                                        what | only_names, id.vendor, id.device);
    return std::string(found == nullptr ? "" : found);
  };
  try {
    auto name = lookup(PCI_LOOKUP_VENDOR);
    const auto device = lookup(PCI_LOOKUP_DEVICE);
    if (!name.empty() && !device.empty()) name += " " + device;
    return name;
  } catch (const std::runtime_error&) {
    return {};
  }
}

}  // namespace vfio_switch
