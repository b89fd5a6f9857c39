// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/byte_source.h"

#include <algorithm>

namespace vfio_switch {

std::optional<std::string> ByteSource::bytes(std::uint64_t offset, std::size_t count) const {
  if (offset > size || count > size - offset) return std::nullopt;
  auto text = read(offset, count);
  if (text.size() != count) return std::nullopt;
  return text;
}

std::optional<std::uint32_t> ByteSource::le16(std::uint64_t offset) const {
  const auto raw = bytes(offset, 2);
  if (!raw) return std::nullopt;
  return le16_of(*raw, 0);
}

std::optional<std::uint32_t> ByteSource::le32(std::uint64_t offset) const {
  const auto raw = bytes(offset, 4);
  if (!raw) return std::nullopt;
  return le32_of(*raw, 0);
}

ByteSource ByteSource::part(std::uint64_t offset, std::uint64_t count) const {
  offset = std::min(offset, size);
  count = std::min(count, size - offset);
  return {count, [inner = read, offset, count](std::uint64_t at, std::size_t wanted) {
            if (at >= count) return std::string();
            const auto left = static_cast<std::size_t>(count - at);
            return inner(offset + at, std::min(wanted, left));
          }};
}

ByteSource bytes_of(std::string_view text) {
  return {text.size(), [text](std::uint64_t offset, std::size_t count) {
            if (offset >= text.size()) return std::string();
            return std::string(text.substr(static_cast<std::size_t>(offset), count));
          }};
}

std::uint32_t le16_of(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[offset + at]));
  };
  return byte(0) | byte(1) << 8U;
}

std::uint32_t le32_of(std::string_view text, std::size_t offset) {
  return le16_of(text, offset) | le16_of(text, offset + 2) << 16U;
}

}  // namespace vfio_switch
