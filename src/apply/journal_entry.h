// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/files/diff.h"

namespace vfio_switch {

/// A run of the boot loader's tool as the journal remembers it.
struct BootRun {
  std::vector<std::string> undo;    ///< the command that takes it back; empty: `outputs` do
  std::vector<FileChange> outputs;  ///< what it wrote; `after` is known once it is done

  bool is_done = false;
};

/// An image that was kept before it was built.
struct KeptImage {
  std::string image;
  std::string as;         ///< where its bytes wait
  bool in_place = false;  ///< the builder writes into the image itself

  bool operator==(const KeptImage&) const = default;
};

/// One transaction as the journal remembers it.
struct JournalEntry {
  enum class End { open, committed, undone };

  int id = 0;
  std::string verb;
  std::vector<FileChange> changes;       ///< in order; `after` of a regular file has no content
  std::vector<std::string> images;       ///< initramfs images kept for it
  std::vector<std::string> copies = {};  ///< of these images, kept with them: see Kernel::copies
  /// The commands that copy images to where nobody else can see them: after an undo, the old ones.
  std::vector<std::vector<std::string>> copy_commands = {};
  std::vector<BootRun> boot_runs = {};
  std::vector<KeptImage> kept = {};  ///< those of both whose bytes are kept; empty: see is_kept
  bool is_kept = false;              ///< `kept` is complete: no image was touched before that
  bool forgets = false;              ///< a rollback: once committed, nothing before it counts
  End end = End::open;
};

}  // namespace vfio_switch
