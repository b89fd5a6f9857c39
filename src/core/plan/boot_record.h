// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/pci/pci.h"

namespace vfio_switch {

/// Something that the boot check has to say.
struct BootFinding {
  std::string code;     ///< "not-as-expected", "no-display", ..., or that of a Refusal
  std::string message;  ///< a sentence without its full stop
  std::vector<PciAddress> devices;
  bool warning = true;  ///< otherwise it is as it should be, and only noted

  bool operator==(const BootFinding&) const = default;
};

/// The driver of one function after a boot.
struct BootDriver {
  PciAddress address;
  std::optional<std::string> expected;
  std::optional<std::string> observed;

  bool operator==(const BootDriver&) const = default;
};

/// What came of one boot; kept until the next check.
struct BootRecord {
  std::string boot_id;  ///< the kernel's random one
  std::string time;     ///< of the check, UTC: "2026-11-22T12:00:00Z"
  std::string kernel;   ///< release
  std::vector<BootDriver> drivers;
  std::vector<BootFinding> findings;
  std::string action;  ///< what was done about it: "disabled", or why not; empty: nothing

  /// True if nothing is to be warned of.
  [[nodiscard]] bool good() const;

  bool operator==(const BootRecord&) const = default;
};

}  // namespace vfio_switch
