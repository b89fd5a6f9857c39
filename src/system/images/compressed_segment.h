// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "system/images/byte_range.h"

namespace vfio_switch {

/// The formats that the kernel can unpack (lib/decompress.c), except LZO, for which libarchive
/// would start a program.
enum class Compression { gzip, bzip2, lzma, xz, lz4, zstd };

/// By the magic number at the beginning of `range`; nothing where none is known.
[[nodiscard]] std::optional<Compression> find_compression(const ByteRange& range);

/// Unpacks the compressed stream at the beginning of `range` and passes it on piece by piece.
/// Gives the offset where the stream ends: other segments may follow. An Error of `take` ends it:
/// a few kilobytes can hold gigabytes, and only the caller knows how much there was before.
[[nodiscard]] Result<std::uint64_t> decompress(
    const ByteRange& range, Compression compression,
    const std::function<Result<void>(std::string_view)>& take);

}  // namespace vfio_switch
