// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/diff.h"
#include "core/error.h"
#include "system/file_store.h"

namespace vfio_switch {

/// One transaction as the journal remembers it.
struct JournalEntry {
  int id = 0;
  std::string verb;
  std::vector<FileChange> changes;  ///< in order; `after` of a regular file has no content
  std::vector<std::string> images;  ///< initramfs images kept for it
  enum class End { open, committed, undone } end = End::open;
};

/// What was done to the machine, and what was there before.
///
/// Below /var/lib/vfio-switch/journal, for root alone:
///   pre-images/SHA256   the bytes of a file, or the target of a link, before a change
///   log                 one JSON object a line:
///     {"journal":1}                                       the version, first
///     {"begin":{"id","verb","changes":[{"path","before","after"}],"images":[path]}}
///     {"done":{"id","change"}}                            a change was carried out
///     {"committed":{"id"}} or {"undone":{"id"}}           the end
///   A state is {"kind":"absent"}, {"kind":"file","sha256","mode","uid","gid","modified"},
///   {"kind":"link","sha256"} or {"kind":"directory","mode","uid","gid"}.
/// Every record is on disk before what it announces is done. A last line that is torn was never
/// acted upon: it is cut off.
class Journal {
 public:
  /// Reads the journal; one that does not exist is empty. An Error where it is damaged before its
  /// last line, or was written by a newer version.
  [[nodiscard]] static Result<Journal> load(const FileReader& files);

  /// The transaction that was begun and not ended; null where there is none.
  [[nodiscard]] const JournalEntry* interrupted() const;

  /// What stood at each path before the first committed change, and what the last one left there.
  /// In the order of the first changes.
  [[nodiscard]] std::vector<FileChange> changed_paths() const;

  [[nodiscard]] Result<int> begin(FileStore& files, const std::string& verb, const Diff& diff);
  [[nodiscard]] Result<void> done(FileStore& files, int id, std::size_t change);
  [[nodiscard]] Result<void> committed(FileStore& files, int id);
  [[nodiscard]] Result<void> undone(FileStore& files, int id);
  /// Forgets everything: the machine is as it was before the first change.
  [[nodiscard]] Result<void> clear(FileStore& files);

 private:
  [[nodiscard]] Result<void> append(FileStore& files, const std::string& record);
  [[nodiscard]] Result<void> parse_line(const std::string& line, const FileReader& files);

  std::vector<JournalEntry> entries_;
  std::optional<std::string> repaired_;  ///< the log without its torn tail, to be written first
  bool exists_ = false;
};

/// True if both mean the same thing at a path: kind, and content or target. A journalled `after`
/// is compared by digest.
[[nodiscard]] bool same_content(const FileState& left, const FileState& right);

}  // namespace vfio_switch
