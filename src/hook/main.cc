// SPDX-License-Identifier: GPL-3.0-or-later
// The backend's entry, for package hooks and rescue shells. The way out is here, and what needs a
// plan is handed on.
#include <algorithm>
#include <array>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "hook/commands.h"
#include "hook/planner.h"
#include "system/process/process.h"

namespace vfio_switch {

namespace {

struct Event {
  std::string_view name;
  std::string_view argument;  ///< what it takes; empty: nothing
};

constexpr std::array<Event, 12> events = {{
    {"post-install", ""},
    {"post-upgrade", ""},
    {"pre-remove", ""},
    {"kernel-added", "VERSION"},
    {"image-built", "VERSION"},
    {"drivers-changed", ""},
    {"alpm-refresh", ""},
    {"alpm-check", ""},
    {"boot-begin", ""},
    {"boot-check", ""},
    {"disable", ""},
    {"rollback", ""},
}};

int usage() {
  std::string text = "usage: vfio-switch-hook [--sysroot DIR] EVENT, where EVENT is one of";
  for (const auto& event : events) {
    text += " " + std::string(event.name) + (event.argument.empty() ? "" : " ") +
            std::string(event.argument) + ",";
  }
  text.pop_back();
  std::cerr << "vfio-switch: " << text << "\n";
  return exit_status(ErrorKind::usage);
}

int run(int argc, char** argv) {
  if (const auto prepared = prepare_process(); !prepared) {
    std::cerr << "vfio-switch: " << prepared.error().message << "\n  " << prepared.error().remedy
              << "\n";
    return exit_status(prepared.error().kind);
  }
  std::vector<std::string> words(argv + 1, argv + argc);
  std::string root = "/";
  if (words.size() >= 2 && words[0] == "--sysroot") {
    root = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.empty()) return usage();
  const auto* const event = std::ranges::find(events, words[0], &Event::name);
  if (event == events.end() || words.size() != (event->argument.empty() ? 1U : 2U)) return usage();
  if (event->name == "disable") return give_back_card(root, WayOut::disable);
  if (event->name == "rollback") return give_back_card(root, WayOut::rollback);
  if (event->name == "pre-remove") {
    (void)give_back_card(root, WayOut::remove);
    return 0;
  }
  const bool done = hand_on(words[0], argv);
  if (!done && event->name == "boot-check") check_boot_roughly(root);
  return 0;
}

}  // namespace

}  // namespace vfio_switch

int main(int argc, char** argv) {
  int status = 1;
  try {
    status = vfio_switch::run(argc, argv);
  } catch (const std::exception& bug) {
    std::cerr << "vfio-switch-hook: internal error: " << bug.what() << "\n  Please report this.\n";
  }
  if (vfio_switch::is_output_lost() && status == 0) {
    std::cerr << "vfio-switch: cannot write to standard output\n";
    status = 1;
  }
  return status;
}
