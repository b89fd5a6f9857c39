// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/files/file_state.h"
#include "core/message/data.h"

namespace vfio_switch {

/// One path that changes: from what must stand there now, to what will.
struct FileChange {
  std::string path;  ///< as seen inside the root
  FileState before;  ///< the precondition, checked again right before the change
  FileState after;
  Reason reason;
  bool boot_parameters = false;  ///< it decides what the boot loader passes to the kernel

  bool operator==(const FileChange&) const = default;
};

/// One initramfs to be rebuilt by the distribution's tool.
struct RebuildInitramfs {
  std::string release;  ///< the kernel's
  std::string image;    ///< its path inside the root
  Reason reason;
  std::vector<std::string> copies = {};  ///< see Kernel::copies
  /// Copies it to where the boot loader reads it, if no hook of the initramfs tool has; empty where
  /// nothing is known that does.
  std::vector<std::string> copy_command = {};

  bool operator==(const RebuildInitramfs&) const = default;
};

/// The boot loader's own tool, which generates the kernels' command lines from its settings, or
/// changes them itself.
struct BootParameters {
  std::vector<std::string> command;     ///< the program and its arguments
  std::vector<std::string> undo;        ///< takes it back; empty: what was kept of `outputs` does
  std::vector<std::string> outputs;     ///< files that it writes: kept before, put back by an undo
  std::vector<std::string> parameters;  ///< those of ours that the kernels get afterwards
  Reason reason;

  bool operator==(const BootParameters&) const = default;
};

using Change = std::variant<FileChange, RebuildInitramfs, BootParameters>;

/// What has to be done, in order. Empty: nothing, and nothing is touched.
using Diff = std::vector<Change>;

/// "write", "remove", "rebuild-initramfs" or "boot-parameters": the kinds of the JSON output.
[[nodiscard]] std::string_view kind(const Change& change);

/// Why it is done.
[[nodiscard]] const Reason& reason_of(const Change& change);

/// The Diff that takes this one back: the file changes in reverse, then the same rebuilds. What the
/// boot loader's tool did is not in it: see JournalEntry::outputs.
[[nodiscard]] Diff inverse(const Diff& diff);

/// True if a file changes that an initramfs may have a copy of.
[[nodiscard]] bool has_file_changes(const Diff& diff);
/// True if a file among them decides about the kernel command line.
[[nodiscard]] bool changes_boot_parameters(const Diff& diff);

}  // namespace vfio_switch
