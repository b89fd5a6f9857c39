// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vfio_switch::test {

inline std::string le(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text += i < 8 ? static_cast<char>(value >> (8 * i) & 0xff) : '\0';
  }
  return text;
}

/// UTF-16LE of ASCII, without a NUL at its end.
inline std::string utf16(std::string_view text) {
  std::string wide;
  for (const char c : text) wide += {c, '\0'};
  return wide;
}

/// An EFI program that holds sections, as ukify and objcopy lay them out: their content is padded
/// to 512 bytes in the file.
inline std::string pe_file(const std::vector<std::pair<std::string, std::string>>& sections) {
  constexpr std::size_t optional_size = 240;
  constexpr std::size_t alignment = 512;
  const auto padded = [](std::size_t size) {
    return (size + alignment - 1) / alignment * alignment;
  };
  std::string head = "MZ";
  head.resize(0x3c);
  head += le(0x80, 4);
  head.resize(0x80);
  head += std::string("PE\0\0", 4) + le(0x8664, 2) + le(sections.size(), 2) + le(0, 12) +
          le(optional_size, 2) + le(0x22e, 2) + le(0x20b, 2);
  head.resize(0x80 + 24 + optional_size);
  std::size_t at = padded(head.size() + 40 * sections.size());
  std::string body;
  for (const auto& [name, content] : sections) {
    auto field = name;
    field.resize(8);
    head += field + le(content.size(), 4) + le(at, 4) + le(padded(content.size()), 4) + le(at, 4) +
            le(0, 12) + le(0x40000040, 4);
    auto data = content;
    data.resize(padded(content.size()));
    body += data;
    at += data.size();
  }
  head.resize(padded(head.size()));
  return head + body;
}

}  // namespace vfio_switch::test
