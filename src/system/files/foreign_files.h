// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/unread_file.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// What stands at the path of a file that another program reads.
enum class ForeignKind {
  absent,
  text,
  masked,      ///< a link to /dev/null: an empty file, which hides others of its name
  dangling,    ///< a link that leads nowhere; what it means depends on who reads it
  directory,   ///< where a file is looked for
  looping,     ///< a link that leads to itself, or too many of them
  special,     ///< a FIFO, a device or a socket: whoever opens it may wait for ever
  too_large,   ///< see FileReader::read()
  unreadable,  ///< the system says no: permissions, input and output errors
};

/// Such a file, as the program that owns it would read it.
struct ForeignFile {
  ForeignKind kind = ForeignKind::absent;
  std::string text;  ///< empty for every kind but `text`
  std::string why;   ///< of a kind that leaves unknown what the owner reads; else empty
};

[[nodiscard]] ForeignFile read_foreign(const FileReader& files, const std::string& path);

/// Reads files of other programs one after the other, and remembers which could not be read. One
/// unreadable file never makes a command fail.
class ForeignFiles {
 public:
  explicit ForeignFiles(const FileReader& reader) : reader_(reader) {}

  [[nodiscard]] const FileReader& reader() const { return reader_; }

  /// The text of a file; nothing where none stands there. What cannot be read is empty, and is
  /// remembered.
  [[nodiscard]] std::optional<std::string> find(const std::string& path);
  /// The same, with an empty text for what is not there.
  [[nodiscard]] std::string text(const std::string& path);
  /// The names in a directory, sorted; none where there is none. One that cannot be listed is
  /// remembered.
  [[nodiscard]] std::vector<std::string> names(const std::string& directory);
  /// The paths of the files in `directory` whose names end in `suffix`. Hidden files are left out,
  /// as by all programs that read such directories.
  [[nodiscard]] std::vector<std::string> paths(const std::string& directory,
                                               std::string_view suffix);

  /// Remembers what somebody else could not read.
  void add_unread(std::string path, std::string why);
  [[nodiscard]] const std::vector<UnreadFile>& unread() const { return unread_; }

 private:
  const FileReader& reader_;
  std::vector<UnreadFile> unread_;  ///< each path once
};

}  // namespace vfio_switch
