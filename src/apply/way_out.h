// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "apply/progress.h"
#include "apply/way_out_kind.h"
#include "core/base/error.h"
#include "system/files/file_store.h"
#include "system/process/command_runner.h"

namespace vfio_switch {

struct WayOutRequest {
  WayOut kind = WayOut::disable;
  bool may_run_tools = true;         ///< images are built, and the boot loader's tool is run
  std::chrono::seconds patience{0};  ///< how long to wait for another process
  Progress progress;
};

/// What became of it.
struct WayOutResult {
  bool changed = false;
  std::vector<std::string> warnings;  ///< what could not be read, done or taken back
  std::vector<std::string> live;      ///< paths of ours that still have an effect
  bool images_stale = false;          ///< images have to be built that were not

  /// What still gives the card to vfio-pci, as a clause; empty where nothing does. Images count
  /// where tools may build them.
  [[nodiscard]] std::string trouble(bool may_run_tools) const;
};

/// Gives the card back to the host when something is wrong already. It needs our own paths, their
/// seals and the journal, each on its own, and nothing else: no profile, no settings, no PCI list,
/// no module index, no boot loader that can be understood. What is damaged or missing is a warning.
///
/// A file of ours that nobody has edited is commented out, or gets back what the journal says was
/// there before; one that somebody has edited is put out of effect by put_out(), which loses no
/// byte. Images are built by the distribution's plain command.
///
/// An Error only where nothing was begun: another process is at work, or root is required.
[[nodiscard]] Result<WayOutResult> take_way_out(FileStore& files, CommandRunner& runner,
                                                const WayOutRequest& request);

}  // namespace vfio_switch
