// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/way_out_builds.h"

#include <chrono>

#include "apply/recovery.h"
#include "apply/tool_failure.h"
#include "core/base/text.h"
#include "system/state/state_store.h"
#include "system/tools/plain_build.h"

namespace vfio_switch {

bool WayOutBuilds::build(const std::vector<std::string>& images) {
  const auto builds = plain_builds(files_, runner_, images);
  if (builds.empty()) {
    warnings_.add("no builder of initramfs images is known here: rebuild them by hand");
    return false;
  }
  bool all = true;
  for (const auto& build : builds) {
    if (!run_tool(build.command, "rebuild the images with '" + build.str() + "'")) {
      if (!build.written.empty()) (void)files_.replace(build.written, Absent{});
      all = false;
    } else if (!build.written.empty()) {
      if (auto placed = files_.put_back(build.written, build.image); !placed) {
        warnings_.add(placed.error().message);
        all = false;
      }
    }
  }
  return all;
}

void WayOutBuilds::run_boot_tool(const std::vector<std::vector<std::string>>& undo) {
  for (const auto& words : undo) {
    (void)run_tool({words.front(), {words.begin() + 1, words.end()}}, "run it by hand");
  }
  const auto command = plain_boot_command(files_, runner_);
  if (command.program.empty()) {
    if (undo.empty()) {
      warnings_.add(
          "the kernel command line may keep our parameters until the boot loader's files are "
          "made anew by hand");
    }
    return;
  }
  (void)run_tool(command, "run '" + command.program + "' by hand");
}

bool WayOutBuilds::run_tool(const Invocation& command, const std::string& remedy) {
  const auto line =
      command.program + (command.arguments.empty() ? "" : " ") + join(command.arguments, " ");
  if (progress_.on_recovery) progress_.on_recovery("running " + line);
  (void)note_builder(files_, Builder::at_work);
  const auto tick = [&](std::chrono::seconds elapsed) {
    constexpr int a_minute = 60;
    if (elapsed.count() % a_minute != 0 || !progress_.on_recovery) return;
    progress_.on_recovery(line + " is still at work after " +
                          std::to_string(elapsed.count() / a_minute) + " min");
  };
  const auto done = runner_.run(command, {progress_.on_tool_output, tick});
  (void)files_.replace(builder_path(), Absent{});
  if (done && done->exit_status == 0) return true;
  warnings_.add((done ? tool_failure(line + " failed", *done) : done.error().message) + "; " +
                remedy + " once that is fixed");
  return false;
}

}  // namespace vfio_switch
