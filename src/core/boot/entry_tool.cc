// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/entry_tool.h"

namespace vfio_switch {

std::string_view to_string(EntryTool tool) {
  switch (tool) {
    case EntryTool::none:
      return "";
    case EntryTool::kernelstub:
      return "kernelstub";
    case EntryTool::proxmox:
      return "proxmox-boot-tool";
    case EntryTool::ostree:
      return "ostree";
    case EntryTool::bootc:
      return "bootc";
    case EntryTool::sdbootutil:
      return "sdbootutil";
    case EntryTool::limine_entry:
      return "limine-entry-tool";
  }
  return "";
}

std::vector<std::string> copy_command(EntryTool tool) {
  switch (tool) {
    case EntryTool::kernelstub:
      return {"kernelstub"};
    case EntryTool::proxmox:
      return {"proxmox-boot-tool", "refresh"};
    case EntryTool::sdbootutil:
      return {"sdbootutil", "mkinitrd"};
    case EntryTool::none:
    case EntryTool::ostree:
    case EntryTool::bootc:
    case EntryTool::limine_entry:  // builds them there
      return {};
  }
  return {};
}

bool rewrites_entries(EntryTool tool) {
  return tool == EntryTool::sdbootutil || tool == EntryTool::limine_entry;
}

}  // namespace vfio_switch
