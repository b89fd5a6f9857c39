// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/boot_text.h"

#include "core/message/format.h"
#include "core/tell/message_text.h"
#include "core/tell/phrases.h"
#include "core/tell/remedy_text.h"

namespace vfio_switch {

std::string boot_finding_text(const BootFinding& finding) {
  if (finding.refusal) return refusal_text(*finding.refusal);
  return format(kind_of(finding.cause).text, finding.data);
}

std::string escape_text(bool command_line_locked) {
  return command_line_locked
             ? "The kernel command line of this machine is locked: if the screen stays black, it "
               "cannot be changed at the boot menu.\n"
             : "If the screen stays black, append 'vfio-pci.ids=' (nothing after the '=') to the "
               "kernel command line at the boot menu.\n";
}

std::string boot_warning(const BootRecord& record, bool command_line_locked) {
  const std::string head = "vfio-switch: ";
  std::string text;
  for (const auto& finding : record.findings) {
    if (!finding.warning) continue;
    text += head + boot_finding_text(finding) + ".\n";
    text += remedy_lines(finding.remedy, head + "  ", {});
  }
  if (text.empty()) return text;
  switch (record.action) {
    case BootAction::none:
      break;
    case BootAction::disabled:
      text += head + "passthrough was disabled. " + std::string(reboot_and_check) + "\n";
      break;
    case BootAction::refused:
      text += head +
              "passthrough could not be disabled: the change was refused ('vfio-switch disable' "
              "shows why).\n";
      break;
    case BootAction::failed:
      text += head +
              format({"passthrough could not be disabled: {1}"},
                     {{"error", Quotation{record.problem}}}) +
              "\n";
      break;
  }
  text += head + "'vfio-switch status' shows more.\n";
  if (command_line_locked) return text;
  return text + head + "For one boot without passthrough, append 'vfio-pci.ids=' (nothing after\n" +
         head + "the '=') to the kernel command line at the boot menu.\n";
}

}  // namespace vfio_switch
