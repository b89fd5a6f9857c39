// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/boot/boot_sources.h"
#include "core/boot/byte_source.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The files that boot loaders read, by their paths inside the root. What stands there and cannot
/// be read is unknown, never absent: /boot/loader/entries has mode 0700, and ESPs are mounted with
/// fmask=0077.
class BootFiles {
 public:
  explicit BootFiles(const FileReader& files) : files_(files) {}

  /// A text of at most 1 MiB.
  [[nodiscard]] SourceText text(const std::string& path) const;
  [[nodiscard]] SourceNames names(const std::string& directory) const;
  /// Follows symbolic links.
  [[nodiscard]] SourceKind kind(const std::string& path) const;
  /// A file of any size; `why` is set where it cannot be read.
  struct Bytes {
    std::optional<ByteSource> source;
    std::shared_ptr<UniqueFd> fd;  ///< which the source reads
    std::optional<BootUnknown> why;
  };
  [[nodiscard]] Bytes bytes(const std::string& path) const;
  [[nodiscard]] const FileReader& reader() const { return files_; }

 private:
  const FileReader& files_;
};

}  // namespace vfio_switch
