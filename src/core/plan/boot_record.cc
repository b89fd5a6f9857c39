// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_record.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace vfio_switch {

const std::vector<BootKind>& boot_kinds() {
  using enum BootCause;
  static const std::vector<BootKind> kinds = {
      {other_driver, "not-as-expected", "other-driver", {"{1} is bound to {2}; expected {3}"}},
      {other_driver_parameter,
       "not-as-expected",
       "other-driver-parameter",
       {"{1} is bound to {2}; expected {3} ({4} on the kernel command line {5})"}},
      {host_kept_card,
       "not-staged",
       "host-kept-card",
       {"{1} is bound to {2}, as expected for kernel {3}: {4}"}},
      {escape_used,
       "escape",
       "escape-used",
       {"vfio-pci.ids= on the kernel command line left the card with the host"}},
      {stranger_bound,
       "foreign-device",
       "stranger-bound",
       {"{1} {2} is bound to vfio-pci, but is not the chosen card"}},
      {card_moved, "moved", "card-moved", {"the card {1} moved from {2} to {3}"}},
      {device_moved,
       "moved",
       "device-moved",
       {"the device {1}, chosen with the card, moved from {2} to {3}"}},
      {refused, "", "refused", {""}},
      {kernel_not_staged,
       "not-staged",
       "kernel-not-staged",
       {"passthrough is not ready for kernel {1}: {2}"}},
      {boots_failed,
       "failed-boots",
       "boots-failed",
       {"{1} boot did not reach the login", "{1} boots in a row did not reach the login", 1}},
      {no_display,
       "no-display",
       "no-display",
       {"the host has no display: neither a DRM connector nor the firmware's framebuffer (if it "
        "needs none, set 'headless = yes' in /etc/vfio-switch.conf)"}},
      {set_up_pending,
       "set-up-pending",
       "set-up-pending",
       {"the package was installed in {1}, where this machine's hardware was not visible"}},
      {quoted, "", "quoted", {"{1}"}},
  };
  return kinds;
}

const BootKind& kind_of(BootCause cause) {
  return boot_kinds().at(static_cast<std::size_t>(cause));
}

std::string_view BootFinding::code() const {
  if (refusal) return to_string(refusal->code());
  return cause == BootCause::quoted ? std::string_view(quoted_code) : kind_of(cause).code;
}

std::string_view to_string(BootAction action) {
  constexpr std::array<std::string_view, 4> names = {"none", "disabled", "refused", "failed"};
  return names.at(static_cast<std::size_t>(action));
}

bool BootRecord::good() const {
  return std::ranges::none_of(findings, &BootFinding::warning);
}

}  // namespace vfio_switch
