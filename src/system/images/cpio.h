// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The header of one member of a cpio archive.
struct CpioEntry {
  std::string path;  ///< as it stands there: "usr/lib/modules", also "/x" and "./x"
  FileKind kind = FileKind::other;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 1;
  std::uint64_t size = 0;
};

/// Receives the members of an archive.
class CpioSink {
 public:
  CpioSink() = default;
  CpioSink(const CpioSink&) = delete;
  CpioSink& operator=(const CpioSink&) = delete;
  CpioSink(CpioSink&&) = delete;
  CpioSink& operator=(CpioSink&&) = delete;
  virtual ~CpioSink() = default;

  /// True if add() is to be given the body. That of a symbolic link is always given.
  [[nodiscard]] virtual bool keeps(const CpioEntry& entry) const = 0;
  [[nodiscard]] virtual Result<void> add(const CpioEntry& entry, std::string body) = 0;
  virtual void end_of_archive() = 0;
};

/// Takes apart cpio archives in the "newc" format as they come, in pieces of any size, as the
/// kernel does (init/initramfs.c): archives may follow each other, with zeros between them.
class CpioParser {
 public:
  explicit CpioParser(CpioSink& sink) : sink_(sink) {}

  /// Consumes `data`, all of it.
  [[nodiscard]] Result<void> feed(std::string_view data);
  /// As feed(), but stops behind the trailer of the first archive that ends in `data`; gives the
  /// number of bytes consumed.
  [[nodiscard]] Result<std::size_t> feed_one_archive(std::string_view data);

  /// How many of the next bytes are not needed: they may be passed to skipped() instead of feed().
  [[nodiscard]] std::uint64_t idle() const;
  void skipped(std::uint64_t count);

  /// True between archives.
  [[nodiscard]] bool at_end() const { return state_ == State::between; }

 private:
  enum class State { between, header, name, body, skip };

  [[nodiscard]] Result<void> step(std::string_view& data);
  [[nodiscard]] Result<void> take_header(std::string_view header);
  [[nodiscard]] Result<void> take_name(std::string_view name);
  [[nodiscard]] Result<void> take_body();
  /// Moves what is still missing of `wanted` bytes from `data` to the buffer.
  void append(std::string_view& data, std::uint64_t wanted);
  /// The `wanted` bytes that are next, once they are all there; copied only where a piece ends
  /// between them.
  [[nodiscard]] std::optional<std::string_view> collect(std::string_view& data,
                                                        std::uint64_t wanted);
  void skip(std::uint64_t count);

  CpioSink& sink_;
  State state_ = State::between;
  std::string buffer_;  ///< of a header, a name or a body that is kept
  CpioEntry entry_;
  std::uint64_t name_size_ = 0;  ///< with its padding
  std::uint64_t left_ = 0;       ///< to skip, to the end of the member
  bool last_ = false;            ///< the member at hand is the trailer
};

}  // namespace vfio_switch
