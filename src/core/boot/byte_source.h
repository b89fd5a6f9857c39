// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace vfio_switch {

/// The bytes of a file that is too large for memory (unified images, kernels), read at an offset.
/// Offsets come from the file itself, so that none of them can be trusted: whatever lies outside is
/// not there.
struct ByteSource {
  std::uint64_t size = 0;
  /// Up to `count` bytes at `offset`. Fewer: the file ends there, or cannot be read.
  std::function<std::string(std::uint64_t offset, std::size_t count)> read;

  /// Exactly `count` bytes; nothing where there are fewer.
  [[nodiscard]] std::optional<std::string> bytes(std::uint64_t offset, std::size_t count) const;
  /// Little-endian numbers.
  [[nodiscard]] std::optional<std::uint32_t> le16(std::uint64_t offset) const;
  [[nodiscard]] std::optional<std::uint32_t> le32(std::uint64_t offset) const;
  /// The part of it that begins at `offset`; cut where this one ends.
  [[nodiscard]] ByteSource part(std::uint64_t offset, std::uint64_t count) const;
};

/// The text has to outlive the source.
[[nodiscard]] ByteSource bytes_of(std::string_view text);

/// Little-endian numbers of text; the caller has checked that they lie inside.
[[nodiscard]] std::uint32_t le16_of(std::string_view text, std::size_t offset);
[[nodiscard]] std::uint32_t le32_of(std::string_view text, std::size_t offset);

}  // namespace vfio_switch
