// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cards/refusal.h"
#include "core/message/data.h"
#include "core/message/remedy.h"
#include "core/message/template.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// Everything that the boot check has to say.
enum class BootCause {
  other_driver,            ///< device, driver, expected
  other_driver_parameter,  ///< device, driver, expected, parameter, effect
  host_kept_card,          ///< device, driver, kernel, reason
  escape_used,
  stranger_bound,     ///< device, name
  card_moved,         ///< id, from, to
  device_moved,       ///< id, from, to: one that goes with the card
  refused,            ///< what the BootFinding's refusal says
  kernel_not_staged,  ///< kernel, reason
  boots_failed,       ///< boots
  no_display,
  set_up_pending,  ///< where
  quoted,          ///< text: of a record that version 0.1.0 left
};

/// A row of the table of the boot check's findings.
struct BootKind {
  BootCause cause = BootCause::quoted;
  std::string_view code;  ///< what programs match on: "not-as-expected"
  std::string_view name;  ///< the cause's stable text: "other-driver"
  Template text;          ///< a sentence without its full stop
};

/// Every kind, in the order of BootCause.
[[nodiscard]] const std::vector<BootKind>& boot_kinds();

[[nodiscard]] const BootKind& kind_of(BootCause cause);

/// Something that the boot check has to say.
struct BootFinding {
  BootCause cause = BootCause::quoted;
  Data data = {};
  Remedy remedy = {};  ///< not kept: what helps now is for `status` to say
  std::vector<PciAddress> devices = {};
  bool warning = true;                  ///< otherwise it is as it should be, and only noted
  std::optional<Refusal> refusal = {};  ///< of BootCause::refused
  std::string quoted_code = {};         ///< of BootCause::quoted

  [[nodiscard]] std::string_view code() const;

  bool operator==(const BootFinding&) const = default;
};

/// The driver of one function after a boot.
struct BootDriver {
  PciAddress address;
  std::optional<std::string> expected;
  std::optional<std::string> observed;

  bool operator==(const BootDriver&) const = default;
};

/// What was done about a boot.
enum class BootAction {
  none,
  disabled,  ///< passthrough, for the next boot
  refused,   ///< it should have been disabled, and the plan to do so was refused
  failed,    ///< it should have been disabled, and that ended in an error
};

/// "none", "disabled", "refused" or "failed".
[[nodiscard]] std::string_view to_string(BootAction action);

/// What came of one boot; kept until the next check.
struct BootRecord {
  std::string boot_id;  ///< the kernel's random one
  std::string time;     ///< of the check, UTC: "2026-11-22T12:00:00Z"
  std::string kernel;   ///< release
  std::vector<BootDriver> drivers;
  std::vector<BootFinding> findings;
  BootAction action = BootAction::none;
  std::string problem = {};  ///< the error that `action` ended in

  /// True if nothing is to be warned of.
  [[nodiscard]] bool good() const;

  bool operator==(const BootRecord&) const = default;
};

}  // namespace vfio_switch
