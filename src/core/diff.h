// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/file_state.h"

namespace vfio_switch {

/// One path that changes: from what must stand there now, to what will.
struct FileChange {
  std::string path;  ///< as seen inside the root
  FileState before;  ///< the precondition, checked again right before the change
  FileState after;
  std::string reason;

  bool operator==(const FileChange&) const = default;
};

/// One initramfs to be built anew by the distribution's tool.
struct RebuildInitramfs {
  std::string release;  ///< the kernel's
  std::string image;    ///< its path inside the root
  std::string reason;

  bool operator==(const RebuildInitramfs&) const = default;
};

using Change = std::variant<FileChange, RebuildInitramfs>;

/// What has to be done, in order. Empty: nothing, and nothing is touched.
using Diff = std::vector<Change>;

/// "write", "remove" or "rebuild-initramfs": the kinds of the JSON output.
[[nodiscard]] std::string_view kind(const Change& change);

/// What the change will do, as one line for people: "write /etc/modprobe.d/vfio.conf".
[[nodiscard]] std::string describe(const Change& change);

/// The Diff that takes this one back: the file changes in reverse, then the same rebuilds.
[[nodiscard]] Diff inverse(const Diff& diff);

[[nodiscard]] bool has_file_changes(const Diff& diff);

}  // namespace vfio_switch
