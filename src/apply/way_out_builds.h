// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "apply/progress.h"
#include "apply/way_out_plan.h"
#include "system/files/file_store.h"
#include "system/process/command_runner.h"

namespace vfio_switch {

/// Runs the distribution's plain commands that make images and the boot loader's files follow what
/// the way out changed.
class WayOutBuilds {
 public:
  WayOutBuilds(FileStore& files, CommandRunner& runner, const Progress& progress,
               Warnings& warnings)
      : files_(files), runner_(runner), progress_(progress), warnings_(warnings) {}

  /// Builds `images`. False where one is stale afterwards.
  [[nodiscard]] bool build(const std::vector<std::string>& images);
  /// Runs `undo`, what the journal knows to take our parameters back, and the tools that make the
  /// boot loader's files from the settings that `changes` are about.
  void run_boot_tools(const std::vector<std::vector<std::string>>& undo,
                      const std::vector<FileChange>& changes);

 private:
  /// False, with a warning that ends in `remedy`, where it fails.
  [[nodiscard]] bool run_tool(const Invocation& command, const std::string& remedy);

  FileStore& files_;
  CommandRunner& runner_;
  const Progress& progress_;
  Warnings& warnings_;
};

}  // namespace vfio_switch
