// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/initramfs_image.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "system/images/byte_range.h"
#include "system/images/compressed_segment.h"

namespace vfio_switch {

namespace {

/// The .initrd section of a unified kernel image; the range itself where it is no PE file.
/// See the PE format, "Section Table", and systemd-stub(7).
Result<ByteRange> initrd_of(const ByteRange& file) {
  const auto is = [&file](std::uint64_t offset, std::string_view wanted) {
    std::array<char, 8> buffer{};
    const auto got = file.read(offset, std::span(buffer).first(wanted.size()));
    return got && *got == wanted;
  };
  if (!is(0, "MZ")) return file;
  const auto header = file.le32(0x3c);
  if (!header || !is(*header, std::string_view("PE\0\0", 4))) {
    return fail("it is neither an initramfs nor a unified kernel image");
  }
  const auto sections = file.le16(*header + 6);
  const auto optional_size = file.le16(*header + 20);
  if (!sections || !optional_size) return fail("it is truncated");
  for (std::uint32_t i = 0; i < *sections; ++i) {
    const auto section = std::uint64_t{*header} + 24 + *optional_size + std::uint64_t{i} * 40;
    if (!is(section, std::string_view(".initrd\0", 8))) continue;
    const auto used = file.le32(section + 8);
    const auto stored = file.le32(section + 16);
    const auto begin = file.le32(section + 20);
    if (!used || !stored || !begin) return fail("it is truncated");
    const auto end = std::uint64_t{*begin} + (*used == 0 ? *stored : std::min(*used, *stored));
    if (end > file.end) return fail("it is truncated: its .initrd section extends past its end");
    return ByteRange{file.fd, *begin, end};
  }
  return fail("it is an EFI program without an .initrd section");
}

/// Feeds the uncompressed archive at the beginning of `range` to `parser`; gives its end.
Result<std::uint64_t> read_plain(const ByteRange& range, CpioParser& parser) {
  auto buffer = piece_buffer(range);
  auto at = range.begin;
  for (bool is_whole = false; !is_whole; is_whole = parser.at_end()) {
    if (parser.idle() > range.end - at) break;
    if (parser.idle() > buffer.size()) {
      const auto idle = parser.idle();
      parser.skipped(idle);
      at += idle;
    }
    const auto piece = range.read(at, buffer);
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) break;
    auto used = parser.feed_one_archive(*piece);
    if (!used) return used;
    at += *used;
  }
  if (!parser.at_end()) return fail("it is truncated: an archive continues past its end");
  return at;
}

/// Feeds what is compressed at the beginning of `range` to `parser`; gives its end. What it unpacks
/// is taken from `room`.
Result<std::uint64_t> read_compressed(const ByteRange& range, Compression compression,
                                      CpioParser& parser, std::uint64_t& room) {
  auto end = decompress(range, compression, [&](std::string_view data) -> Result<void> {
    if (data.size() > room) return fail("it contains more data than can be unpacked");
    room -= data.size();
    return parser.feed(data);
  });
  if (end && !parser.at_end()) return fail("it is truncated: an archive has no end mark");
  return end;
}

Result<void> read_segments(ByteRange rest, ImageTree& tree) {
  // For all segments together. An image with every driver and all firmware needs less than a
  // quarter.
  std::uint64_t room = std::uint64_t{2} << 30U;
  auto buffer = piece_buffer(rest);
  bool found = false;
  while (rest.begin < rest.end) {
    const auto piece = rest.read(rest.begin, buffer);
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) break;
    if (const auto zeros = std::min(piece->find_first_not_of('\0'), piece->size()); zeros > 0) {
      rest.begin += zeros;
      continue;
    }
    CpioParser parser(tree);
    Result<std::uint64_t> end = rest.end;
    if (piece->starts_with('0')) {
      end = read_plain(rest, parser);
    } else if (const auto compression = find_compression(rest)) {
      end = read_compressed(rest, *compression, parser, room);
    } else if (piece->starts_with("\x89LZO")) {
      // libarchive, as most distributions build it, would start a program for it.
      return fail(
          "it is compressed with LZO, which vfio-switch cannot read; use another compression");
    } else {
      return fail(found ? "it continues with data that the kernel does not understand"
                        : "it is not an initramfs");
    }
    if (!end) return failure_of(end);
    found = true;
    rest.begin = *end;
  }
  return found ? Result<void>() : fail("it is empty");
}

Result<void> read_image(int fd, ImageTree& tree) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail(std::strerror(errno));
  const auto initrd = initrd_of({fd, 0, static_cast<std::uint64_t>(status.st_size)});
  if (!initrd) return std::unexpected(initrd.error());
  return read_segments(*initrd, tree);
}

}  // namespace

Result<std::unique_ptr<ImageTree>> read_initramfs(const FileReader& files,
                                                  const std::vector<std::string>& paths) {
  auto tree = std::make_unique<ImageTree>();
  for (const auto& path : paths) {
    auto fd = files.open_file(path);
    if (!fd) return failure_of(fd);
    if (!*fd) return fail(printable(path) + " does not exist");
    if (auto read = read_image((*fd)->get(), *tree); !read) {
      read.error().message = printable(path) + ": " + read.error().message;
      return failure_of(read);
    }
  }
  return tree;
}

Result<std::unique_ptr<ImageTree>> read_initramfs(const FileReader& files,
                                                  const std::string& path) {
  return read_initramfs(files, std::vector{path});
}

}  // namespace vfio_switch
