// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/module_index.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"

using namespace vfio_switch;

namespace {

constexpr std::uint32_t prefix = 0x80000000;
constexpr std::uint32_t values = 0x40000000;
constexpr std::uint32_t children = 0x20000000;

std::string number(std::uint32_t value) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    bytes += static_cast<char>(value >> shift & 0xFFU);
  }
  return bytes;
}

std::string text(std::string_view characters) {
  return std::string(characters) + '\0';
}

/// An index as depmod writes it: nodes from the leaves to the root, whose address stands in front.
class Index {
 public:
  /// The address of a node with `parts` after what is there.
  std::uint32_t add(std::uint32_t parts, const std::string& bytes) {
    const auto address = parts | static_cast<std::uint32_t>(header_size + nodes_.size());
    nodes_ += bytes;
    return address;
  }
  std::uint32_t leaf(std::string_view rest, std::string_view module) {
    return add(prefix | values, text(rest) + number(1) + number(0) + text(module));
  }
  std::uint32_t parent(char first, char last, const std::vector<std::uint32_t>& below) {
    std::string bytes = {first, last};
    for (const auto child : below) bytes += number(child);
    return add(children, bytes);
  }
  [[nodiscard]] std::string bytes(std::uint32_t root, std::uint32_t magic = 0xB007F457,
                                  std::uint32_t version = 0x00020001) const {
    return number(magic) + number(version) + number(root) + nodes_;
  }

 private:
  static constexpr std::size_t header_size = 12;
  std::string nodes_;
};

}  // namespace

TEST_CASE("An index that depmod wrote is sound, and at no length that it is cut to") {
  Index index;
  const auto nouveau = index.leaf("ouveau", "kernel/drivers/gpu/drm/nouveau/nouveau.ko");
  const auto vfio = index.leaf("fio_pci", "kernel/drivers/vfio/pci/vfio-pci.ko");
  const auto root = index.parent('n', 'v', {nouveau, 0, 0, 0, 0, 0, 0, 0, vfio});
  const auto whole = index.bytes(root);
  CHECK(is_sound_index(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    CHECK_FALSE(is_sound_index(whole.substr(0, length)));
  }
}

TEST_CASE("An index of nothing is sound") {
  CHECK(is_sound_index(Index().bytes(0)));
  CHECK(is_sound_index(Index().bytes(12)));  // a root without parts, at the end
}

TEST_CASE("An index with a part overwritten by zero bytes is damaged or ends where it should") {
  Index index;
  const auto leaf = index.leaf("fio_pci", "vfio_pci:");
  const auto whole = index.bytes(index.parent('v', 'v', {leaf}));
  auto head = whole;
  head.replace(0, 12, 12, '\0');
  CHECK_FALSE(is_sound_index(head));
  auto tail = whole;
  tail.replace(whole.size() - 6, 6, 6, '\0');
  CHECK(is_sound_index(tail));  // one child, of the character 0, which is not there
}

TEST_CASE("An index of another format is not sound") {
  CHECK_FALSE(is_sound_index(Index().bytes(0, 0xB007FA57)));
  CHECK_FALSE(is_sound_index(Index().bytes(0, 0xB007F457, 0x00030000)));
  CHECK(is_sound_index(Index().bytes(0, 0xB007F457, 0x00020007)));
}

TEST_CASE("The header alone is asked for where an index is never searched") {
  Index index;
  const auto whole = index.bytes(index.parent('v', 'v', {index.leaf("fio_pci", "vfio_pci:")}));
  CHECK(has_index_header(whole));
  CHECK(has_index_header(whole.substr(0, 12)));
  CHECK_FALSE(has_index_header(whole.substr(0, 11)));
  CHECK_FALSE(has_index_header(Index().bytes(0, 0xB007FA57)));
  CHECK_FALSE(has_index_header(Index().bytes(0, 0xB007F457, 0x00030000)));
}

TEST_CASE("A search in an index comes to an end") {
  const std::uint32_t first_node = 12;
  Index circle;  // a node that is its own child
  CHECK_FALSE(is_sound_index(circle.bytes(circle.parent('a', 'a', {children | first_node}))));
  Index ahead;  // a child behind its parent
  const auto parent = ahead.parent('a', 'a', {prefix | (first_node + 6)});
  ahead.add(prefix, text("x"));
  CHECK_FALSE(is_sound_index(ahead.bytes(parent)));
  Index shared;  // two children that are one: each level doubles the work
  auto node = shared.leaf("a name that takes more bytes than its parents", "module");
  for (int level = 0; level < 40; ++level) node = shared.parent('a', 'b', {node, node});
  CHECK_FALSE(is_sound_index(shared.bytes(node)));
  Index deep;
  auto at = deep.leaf("", "module");
  for (int level = 0; level < 3000; ++level) at = deep.parent('a', 'a', {at});
  CHECK_FALSE(is_sound_index(deep.bytes(at)));
}

TEST_CASE("A node has at most as many children as libkmod has room for") {
  Index index;
  CHECK_FALSE(
      is_sound_index(index.bytes(index.parent('\0', '\x80', std::vector<std::uint32_t>(129, 0)))));
  Index most;
  CHECK(is_sound_index(most.bytes(most.parent('\0', '\x7f', std::vector<std::uint32_t>(128, 0)))));
  Index reversed;
  CHECK_FALSE(is_sound_index(reversed.bytes(reversed.parent('b', 'a', {0, 0}))));
}

TEST_CASE("A number of values is only believed where they are there") {
  Index index;
  const auto root = index.add(values, number(0xFFFFFFFF) + number(0) + text("module"));
  CHECK_FALSE(is_sound_index(index.bytes(root)));
}
