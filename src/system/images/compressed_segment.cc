// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/compressed_segment.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "system/images/libarchive.h"

namespace vfio_switch {

namespace {

std::unexpected<Error> truncated() {
  return fail("it is truncated: compressed data continues past its end");
}

/// Where the zstd frame ends, from the sizes of its blocks (RFC 8878, 3.1.1). libarchive takes
/// what follows for another frame, and fails.
Result<std::uint64_t> end_of_zstd(const ByteRange& range) {
  auto at = range.begin + 4;
  const auto descriptor = range.bytes<1>(at);
  if (!descriptor) return truncated();
  const unsigned flags = (*descriptor)[0];
  const bool single_segment = (flags & 0x20U) != 0;
  constexpr std::array<unsigned, 4> dictionary_sizes = {0, 1, 2, 4};
  constexpr std::array<unsigned, 4> content_sizes = {0, 2, 4, 8};
  at += 1 + (single_segment ? 0U : 1U) + dictionary_sizes[flags & 3U];
  at += flags >> 6U == 0 && single_segment ? 1U : content_sizes[flags >> 6U];
  for (bool last = false; !last;) {
    const auto header = range.bytes<3>(at);
    if (!header) return truncated();
    const unsigned block = (*header)[0] | (*header)[1] * 0x100U | (*header)[2] * 0x10000U;
    last = (block & 1U) != 0;
    const unsigned type = block >> 1U & 3U;
    if (type == 3) return fail("it is damaged: a zstd block has an unknown type");
    at += 3 + (type == 1 ? 1U : block >> 3U);
  }
  at += (flags & 4U) != 0 ? 4 : 0;
  if (at > range.end) return truncated();
  return at;
}

/// Where the stream ends in the kernel's form of lz4, which has no mark for it: after the last
/// block whose size is possible (lib/decompress_unlz4.c).
Result<std::uint64_t> end_of_lz4(const ByteRange& range) {
  constexpr std::uint32_t block = std::uint32_t{8} << 20U;
  constexpr std::uint32_t largest = block + block / 255 + 16;  // LZ4_compressBound()
  auto at = range.begin + 4;
  while (const auto size = range.le32(at)) {
    if (*size == 0 || *size > largest) break;
    at += 4 + *size;
    if (at > range.end) return truncated();
  }
  return at;
}

/// A number of the xz format (xz-file-format.txt, 1.2).
std::optional<std::uint64_t> xz_number(const ByteRange& range, std::uint64_t& at) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    const auto byte = range.bytes<1>(at++);
    if (!byte) return std::nullopt;
    number |= std::uint64_t{(*byte)[0] & 0x7fU} << shift;
    if (((*byte)[0] & 0x80U) == 0) return number;
  }
  return std::nullopt;
}

/// True if a stream that begins with `range` ends with a footer at `footer`: its index must
/// account for every byte between them (xz-file-format.txt, 2.1.2 and 4).
bool is_xz_footer(const ByteRange& range, std::uint64_t footer) {
  constexpr std::uint64_t header_size = 12;
  const auto backward = range.le32(footer + 4);
  const auto flags = range.le16(footer + 8);
  if (!backward || flags != range.le16(range.begin + 6)) return false;
  const auto index_size = (std::uint64_t{*backward} + 1) * 4;
  if (index_size > footer - range.begin) return false;
  const auto index = footer - index_size;
  auto at = index + 1;
  const auto indicator = range.bytes<1>(index);
  const auto records = xz_number(range, at);
  if (!indicator || (*indicator)[0] != 0 || !records || *records > index_size) return false;
  std::uint64_t blocks = 0;
  for (std::uint64_t i = 0; i < *records; ++i) {
    const auto unpadded = xz_number(range, at);
    if (!unpadded || !xz_number(range, at) || *unpadded > range.size()) return false;
    blocks += (*unpadded + 3) / 4 * 4;
  }
  return range.begin + header_size + blocks == index && at <= footer;
}

/// Where the xz stream ends. libarchive takes what follows for another stream, and fails.
Result<std::uint64_t> end_of_xz(const ByteRange& range) {
  constexpr std::string_view footer_magic = "YZ";
  constexpr std::uint64_t footer_size = 12;
  auto buffer = piece_buffer(range);
  for (auto at = range.begin; at < range.end;) {
    const auto piece = range.read(at, buffer);
    if (!piece) return std::unexpected(piece.error());
    if (piece->size() < 2) break;
    for (auto found = piece->find(footer_magic); found != std::string_view::npos;
         found = piece->find(footer_magic, found + 1)) {
      const auto end = at + found + 2;
      const bool possible = end >= range.begin + 2 * footer_size && (end - range.begin) % 4 == 0;
      if (possible && is_xz_footer(range, end - footer_size)) return end;
    }
    at += piece->size() - 1;
  }
  return truncated();
}

struct ArchiveCloser {
  const LibArchive* library;
  void operator()(archive* reader) const { library->read_free(reader); }
};

/// What libarchive reads from: while it unpacks one piece, the next one is read.
struct Source {
  const LibArchive& library;
  ByteRange range;
  std::uint64_t at = range.begin;
  std::vector<char> buffer = piece_buffer(range);
  std::vector<char> next_buffer = piece_buffer(range);
  std::future<Result<std::string_view>> next = {};

  void read_ahead() {
    // The first piece is read at once, since there may be only one. If no thread can be created,
    // `deferred` reads on demand.
    const bool is_worth_it = at > range.begin && at < range.end;
    const auto policy =
        is_worth_it ? std::launch::async | std::launch::deferred : std::launch::deferred;
    std::swap(buffer, next_buffer);
    next = std::async(policy, [this] { return range.read(at, next_buffer); });
  }
};

extern "C" la_ssize_t read_source(archive* reader, void* client, const void** data) {
  auto& source = *static_cast<Source*>(client);
  const auto piece = source.next.get();
  if (!piece) {
    source.library.set_error(reader, EIO, "%s", piece.error().message.c_str());
    return -1;
  }
  source.at += piece->size();
  source.read_ahead();
  *data = piece->data();
  return static_cast<la_ssize_t>(piece->size());
}

int add_filter(const LibArchive& library, archive* reader, Compression compression) {
  switch (compression) {
    case Compression::gzip:
      return library.support_filter_gzip(reader);
    case Compression::bzip2:
      return library.support_filter_bzip2(reader);
    case Compression::lzma:
      return library.support_filter_lzma(reader);
    case Compression::xz:
      return library.support_filter_xz(reader);
    case Compression::lz4:
      return library.support_filter_lz4(reader);
    case Compression::zstd:
      return library.support_filter_zstd(reader);
  }
  return ARCHIVE_FATAL;
}

std::unexpected<Error> archive_error(const LibArchive& library, archive* reader) {
  const char* why = library.error_string(reader);
  return fail(std::string("it is damaged: ") + (why == nullptr ? "it cannot be unpacked" : why));
}

/// True where libarchive stops at the end of the stream, whatever follows.
bool marks_its_end(Compression compression) {
  return compression == Compression::gzip || compression == Compression::bzip2 ||
         compression == Compression::lzma;
}

}  // namespace

std::optional<Compression> find_compression(const ByteRange& range) {
  struct Magic {
    std::string_view bytes;
    Compression compression;
  };
  constexpr std::array<Magic, 7> magics = {{{"\x1f\x8b", Compression::gzip},
                                            {"\x1f\x9e", Compression::gzip},
                                            {"BZh", Compression::bzip2},
                                            {{"\x5d\0\0", 3}, Compression::lzma},
                                            {{"\xfd"
                                              "7zXZ\0",
                                              6},
                                             Compression::xz},
                                            {"\x02\x21\x4c\x18", Compression::lz4},
                                            {"\x28\xb5\x2f\xfd", Compression::zstd}}};
  std::array<char, 6> buffer{};
  const auto start = range.read(range.begin, buffer);
  if (!start) return std::nullopt;
  const auto* const found = std::ranges::find_if(
      magics, [&](const Magic& magic) { return start->starts_with(magic.bytes); });
  return found == magics.end() ? std::nullopt : std::optional(found->compression);
}

Result<std::uint64_t> decompress(const ByteRange& range, Compression compression,
                                 const std::function<Result<void>(std::string_view)>& take) {
  Result<std::uint64_t> end = range.end;
  if (compression == Compression::zstd) end = end_of_zstd(range);
  if (compression == Compression::lz4) end = end_of_lz4(range);
  if (compression == Compression::xz) end = end_of_xz(range);
  if (!end) return end;
  const auto loaded = LibArchive::load();
  if (!loaded) return std::unexpected(loaded.error());
  const LibArchive& library = **loaded;
  Source source{library, {range.fd, range.begin, *end}};
  source.read_ahead();
  const std::unique_ptr<archive, ArchiveCloser> reader(library.read_new(), ArchiveCloser{&library});
  // ARCHIVE_WARN: it would start a program.
  if (!reader || add_filter(library, reader.get(), compression) != ARCHIVE_OK ||
      library.support_format_raw(reader.get()) != ARCHIVE_OK) {
    return fail("the installed libarchive cannot unpack it");
  }
  archive_entry* entry = nullptr;
  if (library.read_open(reader.get(), &source, nullptr, read_source, nullptr) != ARCHIVE_OK ||
      library.read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return archive_error(library, reader.get());
  }
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = library.read_data_block(reader.get(), &data, &size, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK) return archive_error(library, reader.get());
    if (auto taken = take({static_cast<const char*>(data), size}); !taken) return failure_of(taken);
  }
  if (!marks_its_end(compression)) return end;
  const auto used = static_cast<std::uint64_t>(library.filter_bytes(reader.get(), -1));
  return range.begin + std::clamp<std::uint64_t>(used, 1, range.size());
}

}  // namespace vfio_switch
