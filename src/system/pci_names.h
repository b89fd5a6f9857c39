// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "core/pci.h"

struct pci_access;

namespace vfio_switch {

/// Names from the system's PCI ID database, through libpci. For people only: nothing is decided
/// by a name. Touches no device and asks no network.
class PciNames {
 public:
  PciNames();

  /// "NVIDIA Corporation GP108 [GeForce GT 1030]"; empty where the database has no name.
  [[nodiscard]] std::string name(PciId id) const;

 private:
  struct Closer {
    void operator()(pci_access* access) const;
  };
  std::unique_ptr<pci_access, Closer> access_;
};

}  // namespace vfio_switch
