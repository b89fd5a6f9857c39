// SPDX-License-Identifier: GPL-3.0-or-later
#include "hook/commands.h"

#include <algorithm>
#include <chrono>
#include <iostream>

#include "apply/progress.h"
#include "core/base/text.h"
#include "core/tell/phrases.h"
#include "system/files/best_effort.h"
#include "system/state/boot_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

int tell(const Error& error) {
  std::cerr << "vfio-switch: " << error.message << "\n";
  if (!error.remedy.empty()) std::cerr << "  " << error.remedy << "\n";
  return exit_status(error.kind);
}

void tell(const std::string& root, WayOut kind, const WayOutResult& result) {
  for (const auto& warning : result.warnings) {
    std::cerr << "vfio-switch: warning: " << warning << "\n";
  }
  const auto trouble = result.trouble(root == "/");
  if (!trouble.empty()) std::cerr << "vfio-switch: warning: " << trouble << "\n";
  if (kind == WayOut::remove) return;
  if (result.images_stale && root != "/") {
    std::cout << "The images in " << printable(root)
              << " are out of date: rebuild them before that system is started.\n";
  }
  if (!result.changed) {
    std::cout << "Nothing to do.\n";
  } else if (trouble.empty()) {
    std::cout << "Done.";
    if (!result.images_stale) std::cout << " " << reboot_and_check;
    std::cout << "\n";
  }
}

/// One line of /etc/vfio-switch.conf, whatever the others look like.
std::string setting(const FileReader& files, std::string_view key) {
  const auto text = text_of(files, "/etc/vfio-switch.conf");
  for (const auto line : split_lines(text)) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)) != key) continue;
    const auto value = line.substr(equals + 1);
    return std::string(trim(value.substr(0, value.find('#'))));
  }
  return {};
}

bool has_display(const FileReader& files) {
  const auto connectors = names_in(files, "/sys/class/drm");
  const auto framebuffers = names_in(files, "/sys/class/graphics");
  return std::ranges::any_of(connectors,
                             [](const std::string& name) {
                               return name.starts_with("card") && name.contains('-') &&
                                      !name.contains("Writeback");
                             }) ||
         std::ranges::any_of(framebuffers, [](const std::string& name) {
           return name.starts_with("fb") && name != "fbcon";
         });
}

/// A display function that vfio-pci has.
bool is_card_taken(const FileReader& files) {
  const std::string driver = "/sys/bus/pci/drivers/vfio-pci";
  return std::ranges::any_of(names_in(files, driver), [&](const std::string& name) {
    return text_of(files, driver + "/" + name + "/class").starts_with("0x03");
  });
}

}  // namespace

int give_back_card(const std::string& root, WayOut kind) {
  auto files = open_store(root);
  if (!files) return tell(files.error());
  const auto runner = make_command_runner(root);
  if (kind == WayOut::remove && (*files)->exists(motd_path)) {
    (void)(*files)->replace(motd_path, Absent{});
  }
  const WayOutRequest request{.kind = kind,
                              .may_run_tools = root == "/",
                              .patience = std::chrono::seconds(30),
                              .progress = make_progress()};
  const auto result = take_way_out(**files, *runner, request);
  if (!result) return tell(result.error());
  tell(root, kind, *result);
  const bool images_wait = result->images_stale && root == "/";
  return result->live.empty() && !images_wait ? 0 : exit_status(ErrorKind::failed);
}

void check_boot_roughly(const std::string& root) {
  auto files = open_store(root);
  if (!files) return;
  const auto state = text_of(**files, state_path);
  const bool is_meant = state.contains("boot-gpu") || state.contains("only-gpu") ||
                        setting(**files, "headless") == "yes" ||
                        setting(**files, "auto-disable") == "no";
  if (salvage_state(**files).intent != Intent::enabled || is_meant) return;
  if (has_display(**files) || !is_card_taken(**files)) return;
  std::cerr << "vfio-switch: warning: the host has no display, and vfio-pci has a graphics card\n";
  (void)give_back_card(root, WayOut::disable);
}

}  // namespace vfio_switch
