// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/boot_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

namespace vfio_switch {

namespace {

/// No boot loader's text is larger.
constexpr std::size_t longest_text = std::size_t{1} << 20U;

BootUnknown why(const Error& error, const std::string& path) {
  constexpr std::array<int, 6> codes = {0, EFBIG, EISDIR, ENODEV, ENOTDIR, ENXIO};
  const bool odd = std::ranges::find(codes, error.code) != codes.end();
  return {odd ? BootUnknownCode::odd_file : BootUnknownCode::unreadable, path};
}

std::string read_at(int fd, std::uint64_t offset, std::size_t count) {
  std::string text(count, '\0');
  std::size_t used = 0;
  while (used < count) {
    const auto got =
        ::pread(fd, text.data() + used, count - used, static_cast<off_t>(offset + used));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

}  // namespace

SourceText BootFiles::text(const std::string& path) const {
  auto text = files_.read(path);
  if (!text) return SourceText::unknown(why(text.error(), path));
  if (!*text) return {};
  if ((*text)->size() > longest_text) {
    return SourceText::unknown({BootUnknownCode::odd_file, path});
  }
  return SourceText::of(std::move(**text), path);
}

SourceNames BootFiles::names(const std::string& directory) const {
  SourceNames found;
  auto names = files_.list(directory);
  if (!names) {
    found.state = SourceText::State::unknown;
    found.why = why(names.error(), directory);
    return found;
  }
  if (names->empty() && kind(directory) != SourceKind::directory) return found;
  found.state = SourceText::State::present;
  found.names = std::move(*names);
  return found;
}

SourceKind BootFiles::kind(const std::string& path) const {
  const auto status = files_.status(path);
  if (!status) return SourceKind::unknown;
  if (!*status) return SourceKind::absent;
  switch ((*status)->kind) {
    case FileKind::regular:
      return SourceKind::file;
    case FileKind::directory:
      return SourceKind::directory;
    case FileKind::other:
      return SourceKind::unknown;
    case FileKind::symbolic_link:
      break;
  }
  const auto file = files_.open_file(path);
  if (file) return *file ? SourceKind::file : SourceKind::absent;
  return file.error().code == EISDIR ? SourceKind::directory : SourceKind::unknown;
}

BootFiles::Bytes BootFiles::bytes(const std::string& path) const {
  auto opened = files_.open_file(path);
  if (!opened) return {std::nullopt, {}, why(opened.error(), path)};
  if (!*opened) return {std::nullopt, {}, BootUnknown{BootUnknownCode::missing, path}};
  auto fd = std::make_shared<UniqueFd>(std::move(**opened));
  struct stat status{};
  if (::fstat(fd->get(), &status) != 0) {
    return {std::nullopt, {}, BootUnknown{BootUnknownCode::unreadable, path}};
  }
  ByteSource source;
  source.size = static_cast<std::uint64_t>(status.st_size);
  source.read = [fd](std::uint64_t offset, std::size_t count) {
    return read_at(fd->get(), offset, count);
  };
  return {std::move(source), std::move(fd), std::nullopt};
}

}  // namespace vfio_switch
