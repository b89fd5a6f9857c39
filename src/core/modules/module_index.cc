// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/module_index.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace vfio_switch {

namespace {

// See libkmod/libkmod-index.c of kmod: all numbers have four bytes, the first one the highest.
constexpr std::uint32_t magic_number = 0xB007F457;
constexpr std::uint32_t major_version = 2;
constexpr std::size_t header_size = 12;
// A node's address holds in its highest bits which parts the node has.
constexpr std::uint32_t has_prefix = 0x80000000;
constexpr std::uint32_t has_values = 0x40000000;
constexpr std::uint32_t has_children = 0x20000000;
constexpr std::uint32_t offset_mask = 0x0FFFFFFF;
constexpr unsigned last_character = 127;  ///< libkmod has room for 128 children
constexpr unsigned deepest = 2000;        ///< libkmod calls itself once for each node on the way

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return std::endian::native == std::endian::big ? value : std::byteswap(value);
}

/// Takes what stands at one place after the other, and nothing behind the end.
class Cursor {
 public:
  Cursor(std::string_view bytes, std::size_t at) : bytes_(bytes), at_(at) {}

  [[nodiscard]] std::size_t at() const { return at_; }

  std::optional<unsigned> byte() {
    if (at_ >= bytes_.size()) return std::nullopt;
    return static_cast<unsigned char>(bytes_[at_++]);
  }

  std::optional<std::uint32_t> number() {
    const auto bytes = take(sizeof(std::uint32_t));
    if (!bytes) return std::nullopt;
    return number_at(*bytes, 0);
  }

  std::optional<std::string_view> take(std::size_t size) {
    if (at_ > bytes_.size() || bytes_.size() - at_ < size) return std::nullopt;
    const auto start = std::exchange(at_, at_ + size);
    return bytes_.substr(start, size);
  }

  /// A text with the zero byte that ends it.
  bool skip_text() {
    const auto end = bytes_.find('\0', at_);
    if (end == std::string_view::npos) return false;
    at_ = end + 1;
    return true;
  }

 private:
  std::string_view bytes_;
  std::size_t at_;
};

struct Node {
  std::uint32_t address;  ///< with its parts
  unsigned depth;
};

class Check {
 public:
  explicit Check(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool run(std::uint32_t root) {
    if ((root & offset_mask) == 0) return true;  // of nothing
    waiting_.push_back({root, 0});
    while (!waiting_.empty()) {
      const auto node = waiting_.back();
      waiting_.pop_back();
      if (!take(node)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] bool take(const Node& node) {
    const std::size_t start = node.address & offset_mask;
    if (start < header_size || start > bytes_.size() || node.depth > deepest) return false;
    Cursor cursor(bytes_, start);
    if ((node.address & has_prefix) != 0 && !cursor.skip_text()) return false;
    if ((node.address & has_children) != 0 && !take_children(cursor, node)) return false;
    if ((node.address & has_values) != 0 && !take_values(cursor)) return false;
    // Nodes do not overlap: where these are more bytes than there are, one was met twice.
    taken_ += cursor.at() - start;
    return taken_ <= bytes_.size();
  }

  [[nodiscard]] bool take_children(Cursor& cursor, const Node& parent) {
    const auto first = cursor.byte();
    const auto last = cursor.byte();
    if (!first || !last || *first > *last || *last > last_character) return false;
    constexpr auto size = sizeof(std::uint32_t);
    const auto children = cursor.take((*last - *first + 1) * size);
    if (!children) return false;
    for (std::size_t at = 0; at < children->size(); at += size) {
      const auto child = number_at(*children, at);
      if ((child & offset_mask) == 0) continue;
      if ((child & offset_mask) >= (parent.address & offset_mask)) return false;
      waiting_.push_back({child, parent.depth + 1});
    }
    return true;
  }

  [[nodiscard]] static bool take_values(Cursor& cursor) {
    const auto count = cursor.number();
    if (!count) return false;
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (!cursor.number() || !cursor.skip_text()) return false;
    }
    return true;
  }

  std::string_view bytes_;
  std::vector<Node> waiting_;
  std::size_t taken_ = 0;
};

/// The address of the first node; nothing where these are no bytes of an index.
std::optional<std::uint32_t> root_of(std::string_view bytes) {
  Cursor header(bytes, 0);
  const auto magic = header.number();
  const auto version = header.number();
  const auto root = header.number();
  if (!magic || !version || !root) return std::nullopt;
  if (*magic != magic_number || *version >> 16U != major_version) return std::nullopt;
  return root;
}

}  // namespace

bool has_index_header(std::string_view bytes) {
  return root_of(bytes).has_value();
}

bool is_sound_index(std::string_view bytes) {
  const auto root = root_of(bytes);
  return root && Check(bytes).run(*root);
}

}  // namespace vfio_switch
