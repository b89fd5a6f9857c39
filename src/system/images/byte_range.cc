// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/byte_range.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace vfio_switch {

Result<std::string_view> ByteRange::read(std::uint64_t offset, std::span<char> buffer) const {
  if (offset >= end) return std::string_view();
  const auto wanted = std::min<std::uint64_t>(buffer.size(), end - offset);
  std::uint64_t got = 0;
  while (got < wanted) {
    const auto count =
        ::pread(fd, buffer.data() + got, wanted - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(std::string("it cannot be read: ") + std::strerror(errno));
    if (count == 0) break;
    got += static_cast<std::uint64_t>(count);
  }
  return std::string_view(buffer.data(), got);
}

std::optional<std::uint32_t> ByteRange::le16(std::uint64_t offset) const {
  const auto raw = bytes<2>(offset);
  if (!raw) return std::nullopt;
  return static_cast<std::uint32_t>((*raw)[0] | (*raw)[1] << 8U);
}

std::optional<std::uint32_t> ByteRange::le32(std::uint64_t offset) const {
  const auto low = le16(offset);
  const auto high = le16(offset + 2);
  if (!low || !high) return std::nullopt;
  return *low | *high << 16U;
}

std::vector<char> piece_buffer(const ByteRange& range) {
  constexpr std::uint64_t largest = std::uint64_t{256} << 10U;
  return std::vector<char>(std::min(largest, range.size()));
}

}  // namespace vfio_switch
