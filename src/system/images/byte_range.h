// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace vfio_switch {

/// Part of a file that is too large for memory, and may shrink while it is read: so it is not
/// mapped. Offsets are those of the whole file.
struct ByteRange {
  int fd = -1;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  [[nodiscard]] std::uint64_t size() const { return end - begin; }

  /// Reads at `offset`, as much of `buffer` as there is up to `end`.
  [[nodiscard]] Result<std::string_view> read(std::uint64_t offset, std::span<char> buffer) const;

  /// The `N` bytes at `offset`; nothing where the range ends before, or cannot be read.
  template <std::size_t N>
  [[nodiscard]] std::optional<std::array<unsigned char, N>> bytes(std::uint64_t offset) const {
    std::array<char, N> buffer{};
    const auto got = read(offset, buffer);
    if (!got || got->size() != N) return std::nullopt;
    std::array<unsigned char, N> bytes{};
    for (std::size_t i = 0; i < N; ++i) bytes[i] = static_cast<unsigned char>(buffer[i]);
    return bytes;
  }
  /// A little-endian number at `offset`.
  [[nodiscard]] std::optional<std::uint32_t> le16(std::uint64_t offset) const;
  [[nodiscard]] std::optional<std::uint32_t> le32(std::uint64_t offset) const;
};

/// What a range is read into piece by piece: no larger than it, since each byte is cleared first.
[[nodiscard]] std::vector<char> piece_buffer(const ByteRange& range);

}  // namespace vfio_switch
