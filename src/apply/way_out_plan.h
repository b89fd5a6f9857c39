// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apply/journal.h"
#include "apply/way_out_kind.h"
#include "core/files/diff.h"
#include "system/files/file_reader.h"
#include "system/state/state_store.h"

namespace vfio_switch {

/// What is said of what could not be read, done or taken back: each once.
class Warnings {
 public:
  void add(std::string what);
  [[nodiscard]] std::vector<std::string> take() { return std::move(said_); }

 private:
  std::vector<std::string> said_;
};

/// What the way out knows about the machine, as far as it could be read.
struct WayOutKnowledge {
  Journal journal;
  SalvagedState state;
  bool has_directory = false;  ///< ours, with its lock taken
  bool is_given_back = false;  ///< by an earlier removal of the package
};

/// What the way out changes.
struct WayOutPlan {
  std::vector<FileChange> changes;
  std::vector<std::string> aside;     ///< paths of ours at which something else stands
  std::vector<std::string> restored;  ///< paths that get back what was there before
  bool changes_boot = false;          ///< the boot loader's settings or files
  bool needs_boot_tool = false;       ///< its files are not given back as they were
  bool loses_nothing = true;          ///< all that the journal says was there before is kept
};

/// Decides what has to change. A file that cannot be read, or that belongs to another program,
/// becomes a warning.
[[nodiscard]] WayOutPlan plan_way_out(const FileReader& files, WayOut kind,
                                      const WayOutKnowledge& known, Warnings& warnings);

/// True where what stands at a path of ours is of our doing, in whole or in part.
[[nodiscard]] bool is_of_ours(const WayOutKnowledge& known, const std::string& path,
                              const FileState& now);

/// The first unused name among NAME, NAME-2, NAME-3, ...
[[nodiscard]] std::string free_name(const FileReader& files, const std::string& name);

}  // namespace vfio_switch
