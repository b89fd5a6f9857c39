// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

namespace vfio_switch {

/// Nothing stands at a path.
struct Absent {
  bool operator==(const Absent&) const = default;
};

struct RegularFile {
  std::string content;
  unsigned mode = 0644;  ///< permission bits
  unsigned uid = 0;
  unsigned gid = 0;
  std::int64_t modified = 0;  ///< ns since 1970; 0: when it is written
  /// Extended attributes by name: the SELinux label, access lists. Not those that seal content.
  std::map<std::string, std::string> attributes = {};

  bool operator==(const RegularFile&) const = default;
};

struct SymbolicLink {
  std::string target;

  bool operator==(const SymbolicLink&) const = default;
};

struct Directory {
  unsigned mode = 0755;  ///< permission bits
  unsigned uid = 0;
  unsigned gid = 0;

  bool operator==(const Directory&) const = default;
};

/// What stands at a path: what a change expects to find, and what it leaves behind. Other kinds
/// of file (devices, FIFOs, sockets) never stand where the program writes; they are errors.
using FileState = std::variant<Absent, RegularFile, SymbolicLink, Directory>;

}  // namespace vfio_switch
