// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/foreign_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace vfio_switch {

namespace {

/// The error code of FileReader::read() tells what kind of file it is.
ForeignFile odd_file(const Error& error) {
  switch (error.code) {
    case EISDIR:
      return {ForeignKind::directory, {}, "it is a directory"};
    case ENODEV:
      return {ForeignKind::special, {}, "it is a FIFO, a device or a socket"};
    case EFBIG:
      return {ForeignKind::too_large, {}, "it is larger than 16 MiB"};
    case ELOOP:
      return {ForeignKind::looping, {}, std::strerror(error.code)};
    case 0:
      return {ForeignKind::unreadable, {}, error.message};
    default:
      return {ForeignKind::unreadable, {}, std::strerror(error.code)};
  }
}

}  // namespace

ForeignFile read_foreign(const FileReader& files, const std::string& path) {
  // A mask is recognised by the target of the link, since /dev/null itself may be missing in an
  // image or a root.
  const auto target = files.read_link(path);
  if (target == "/dev/null") return {ForeignKind::masked, {}, {}};
  auto text = files.read(path);
  if (!text) return odd_file(text.error());
  if (!*text) return {target ? ForeignKind::dangling : ForeignKind::absent, {}, {}};
  return {ForeignKind::text, std::move(**text), {}};
}

std::optional<std::string> ForeignFiles::find(const std::string& path) {
  auto file = read_foreign(reader_, path);
  if (!file.why.empty()) add_unread(path, std::move(file.why));
  if (file.kind == ForeignKind::absent || file.kind == ForeignKind::dangling) return std::nullopt;
  return std::move(file.text);
}

std::string ForeignFiles::text(const std::string& path) {
  return find(path).value_or(std::string());
}

std::vector<std::string> ForeignFiles::names(const std::string& directory) {
  auto names = reader_.list(directory);
  if (names) return std::move(*names);
  const auto& error = names.error();
  add_unread(directory, error.code == 0 ? error.message : std::strerror(error.code));
  return {};
}

std::vector<std::string> ForeignFiles::paths(const std::string& directory,
                                             std::string_view suffix) {
  std::vector<std::string> found;
  for (const auto& name : names(directory)) {
    if (name.ends_with(suffix) && !name.starts_with('.')) found.push_back(directory + "/" + name);
  }
  return found;
}

void ForeignFiles::add_unread(std::string path, std::string why) {
  const bool known = std::ranges::find(unread_, path, &UnreadFile::path) != unread_.end();
  if (!known) unread_.push_back({std::move(path), std::move(why)});
}

}  // namespace vfio_switch
