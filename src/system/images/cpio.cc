// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/cpio.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t header_size = 110;
constexpr std::uint64_t alignment = 4;
constexpr std::uint64_t longest_path = 4096;  // the kernel skips longer ones
constexpr std::string_view trailer = "TRAILER!!!";

/// The numbers of a header, in their order.
enum Field {
  inode,
  mode,
  uid,
  gid,
  links,
  modified,
  size,
  major_device,
  minor_device,
  major_special,
  minor_special,
  name_size,
  checksum,
  fields
};

FileKind kind_of(unsigned file_mode) {
  switch (file_mode & 0170000U) {
    case 0100000U:
      return FileKind::regular;
    case 0040000U:
      return FileKind::directory;
    case 0120000U:
      return FileKind::symbolic_link;
    default:
      return FileKind::other;
  }
}

/// The padding after `size` bytes, up to a multiple of four bytes.
std::uint64_t padding(std::uint64_t size) {
  return (alignment - size % alignment) % alignment;
}

}  // namespace

Result<void> CpioParser::feed(std::string_view data) {
  while (!data.empty()) {
    if (auto done = step(data); !done) return done;
  }
  return {};
}

Result<std::size_t> CpioParser::feed_one_archive(std::string_view data) {
  auto rest = data;
  while (!rest.empty()) {
    const bool inside = !at_end();
    if (auto done = step(rest); !done) return failure_of(done);
    if (inside && at_end()) break;
  }
  return data.size() - rest.size();
}

std::uint64_t CpioParser::idle() const {
  return state_ == State::skip ? left_ : 0;
}

void CpioParser::skipped(std::uint64_t count) {
  skip(left_ - count);
}

/// Consumes at least one byte, or goes on to the next state.
Result<void> CpioParser::step(std::string_view& data) {
  switch (state_) {
    case State::between:
      data.remove_prefix(std::min(data.find_first_not_of('\0'), data.size()));
      if (!data.empty()) state_ = State::header;
      return {};
    case State::header:
    case State::name: {
      const bool is_header = state_ == State::header;
      const auto text = collect(data, is_header ? header_size : name_size_);
      if (!text) return {};
      auto taken = is_header ? take_header(*text) : take_name(*text);
      buffer_.clear();
      return taken;
    }
    case State::body:
      append(data, entry_.size);
      return buffer_.size() == entry_.size ? take_body() : Result<void>();
    case State::skip: {
      const auto count = std::min<std::uint64_t>(left_, data.size());
      data.remove_prefix(count);
      skipped(count);
      return {};
    }
  }
  return {};
}

void CpioParser::append(std::string_view& data, std::uint64_t wanted) {
  const auto count = std::min<std::uint64_t>(wanted - buffer_.size(), data.size());
  buffer_.append(data.substr(0, count));
  data.remove_prefix(count);
}

std::optional<std::string_view> CpioParser::collect(std::string_view& data, std::uint64_t wanted) {
  if (buffer_.empty() && data.size() >= wanted) {
    const auto whole = data.substr(0, wanted);
    data.remove_prefix(wanted);
    return whole;
  }
  append(data, wanted);
  return buffer_.size() == wanted ? std::optional<std::string_view>(buffer_) : std::nullopt;
}

/// The rest of the member, `count` bytes, is not needed.
void CpioParser::skip(std::uint64_t count) {
  left_ = count;
  state_ = State::skip;
  if (count > 0) return;
  state_ = last_ ? State::between : State::header;
  if (std::exchange(last_, false)) sink_.end_of_archive();
}

Result<void> CpioParser::take_header(std::string_view header) {
  if (!header.starts_with("070701") && !header.starts_with("070702")) {
    return fail("it contains data that is not a cpio archive");
  }
  std::array<std::uint64_t, fields> numbers{};
  for (std::size_t i = 0; i < fields; ++i) {
    const auto number = parse_hex(header.substr(6 + i * 8, 8));
    if (!number) return fail("a header of a cpio archive in it is damaged");
    numbers[i] = *number;
  }
  if (numbers[name_size] == 0 || numbers[name_size] > longest_path) {
    return fail("a header of a cpio archive in it is damaged");
  }
  entry_ = {{},
            kind_of(static_cast<unsigned>(numbers[mode])),
            numbers[major_device] << 32U | numbers[minor_device],
            numbers[inode],
            numbers[links],
            numbers[size]};
  name_size_ = padding(header_size + numbers[name_size]) + numbers[name_size];
  state_ = State::name;
  return {};
}

Result<void> CpioParser::take_name(std::string_view name) {
  entry_.path = name.substr(0, name.find('\0'));
  last_ = entry_.path == trailer;
  const bool is_link = entry_.kind == FileKind::symbolic_link && entry_.size <= longest_path;
  if (!last_ && entry_.size > 0 && (is_link || sink_.keeps(entry_))) {
    state_ = State::body;
    buffer_.reserve(entry_.size);
    return {};
  }
  skip(entry_.size + padding(entry_.size));
  return entry_.path == trailer ? Result<void>() : sink_.add(entry_, {});
}

Result<void> CpioParser::take_body() {
  auto body = std::exchange(buffer_, {});
  skip(padding(entry_.size));
  return sink_.add(entry_, std::move(body));
}

}  // namespace vfio_switch
