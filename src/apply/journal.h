// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apply/journal_entry.h"
#include "core/base/error.h"
#include "core/files/diff.h"
#include "system/files/file_store.h"

namespace vfio_switch {

/// What was done to the machine, and what was there before.
///
/// Below /var/lib/vfio-switch/journal, for root alone:
///   pre-images/SHA256   the bytes of a file, or the target of a link, before a change
///   log                 one JSON object a line:
///     {"journal":1}                                       the version, first
///     {"begin":{"id","verb","forgets","changes":[{"path","before","after","boot"}],"images":[path],
///               "copies":[path],"copy_commands":[[word]],
///               "boot_runs":[{"undo":[word],"outputs":[{"path","before"}]}]}}
///     {"kept":{"id","images":[{"image","as","in_place"}]}}   the images may be built from here on
///     {"written":{"id","run","after":[state]}}            what a boot loader's tool left behind
///     {"done":{"id","change"}}                            a change was carried out
///     {"committed":{"id"}} or {"undone":{"id"}}           the end; of two the last counts
///   A state is {"kind":"absent"}, {"kind":"file","sha256","mode","uid","gid","modified",
///   "attributes":{NAME:bytes in hex}}, {"kind":"link","sha256"} or {"kind":"directory","mode",
///   "uid","gid"}.
/// Three files are there while an image is built:
///   .NAME.vfio-tmp   beside the image: a copy of what it was before. Where /boot has no room, it
///                    is images/SHA256-OF-THE-PATH below the journal's directory, as for the copies
///                    of an image, which may be on a FAT file system. It is made after
///                    "begin": as long as it is missing, the image was not touched.
///   .NAME.vfio-new   beside the image: what a tool is given to write that would otherwise write
///                    into the image itself.
///   builder          below the journal's directory: our process id. It is written again every
///                    second while a tool is at work: a newer file was not written by us.
/// Every record is on disk before what it announces is done. A last line that is torn was never
/// acted upon: it is cut off.
class Journal {
 public:
  /// Reads the journal; one that does not exist is empty. An Error where it is damaged before its
  /// last line, or was written by a newer version.
  [[nodiscard]] static Result<Journal> load(const FileReader& files);
  /// What can be understood of a journal, for the way out: lines that are damaged are passed over,
  /// and bytes that are lost stay unknown (see is_lost()); `problems` says so. A newer version's is
  /// read as far as it is like ours.
  [[nodiscard]] static Journal salvage(const FileReader& files, std::vector<std::string>& problems);

  /// The transaction that was begun and not ended; null where there is none.
  [[nodiscard]] const JournalEntry* interrupted() const;
  /// The last transaction; null where there is none.
  [[nodiscard]] const JournalEntry* last() const;
  /// True if a rollback was committed, and only clear() is missing.
  [[nodiscard]] bool is_to_forget() const;
  /// True if the last line was torn by an interruption.
  [[nodiscard]] bool is_torn() const { return repaired_.has_value(); }

  /// What a rollback gives back at each path, and what the last change left there; in the order of
  /// the first changes. It is what stood there before the first committed change, or what somebody
  /// else put there in between.
  [[nodiscard]] std::vector<FileChange> changed_paths() const;

  /// What the boot loader's tools wrote, in the same way. A path is left out if another program has
  /// written it in between: then the tool has to write it again.
  [[nodiscard]] std::vector<FileChange> boot_outputs() const;

  /// The images that were ever built for a transaction of ours; each once.
  [[nodiscard]] std::vector<std::string> images() const;

  /// The commands that take back what the boot loader's tools did, the last one first: of those
  /// that have such a command.
  [[nodiscard]] std::vector<std::vector<std::string>> boot_undo() const;

  /// The paths of whatever a crash may have left: temporary files and pre-images that no
  /// transaction needs.
  [[nodiscard]] Result<std::vector<std::string>> leftovers(const FileReader& files) const;

  [[nodiscard]] Result<int> begin(FileStore& files, const std::string& verb, const Diff& diff,
                                  bool forgets = false);
  /// From here on the images of the last transaction may change.
  [[nodiscard]] Result<void> kept(FileStore& files, int id, std::vector<KeptImage> images);
  [[nodiscard]] Result<void> done(FileStore& files, int id, std::size_t change);
  /// The `run`th run of the boot loader's tool is over, and left its outputs as they are.
  [[nodiscard]] Result<void> written(FileStore& files, int id, std::size_t run);
  [[nodiscard]] Result<void> committed(FileStore& files, int id);
  [[nodiscard]] Result<void> undone(FileStore& files, int id);
  /// Rewrites the log without its torn tail, if it has one.
  [[nodiscard]] Result<void> repair(FileStore& files);
  /// Forgets everything: the machine is as it was before the first change.
  [[nodiscard]] Result<void> clear(FileStore& files);

 private:
  [[nodiscard]] Result<void> append(FileStore& files, const std::string& record);
  [[nodiscard]] static Result<Journal> parse(const std::string& text, const FileReader& files);
  [[nodiscard]] Result<void> parse_line(const std::string& line, const FileReader& files,
                                        std::vector<std::string>* problems);

  std::vector<JournalEntry> entries_;
  std::optional<std::string> repaired_;  ///< the log without its torn tail, to be written first
  bool exists_ = false;
};

/// Where an image waits while a new one is built, beside it.
[[nodiscard]] std::string kept_path(const std::string& image);
/// The same where there is no room beside it.
[[nodiscard]] std::string kept_path_elsewhere(const std::string& image);
/// See Journal.
[[nodiscard]] const std::string& builder_path();
/// Whether a tool is at work now, for whoever would end us if we took too long; and the time.
enum class Builder { at_work, ended };
[[nodiscard]] Result<void> note_builder(FileStore& files, Builder builder);

}  // namespace vfio_switch
