// SPDX-License-Identifier: GPL-3.0-or-later
#include "memory_reader.h"

#include <algorithm>

#include "core/base/text.h"

namespace vfio_switch::fuzz {

MemoryReader::MemoryReader(std::string_view text) {
  for (const auto line : split_lines(text)) {
    const auto sign = line.find_first_of("=>");
    if (sign == std::string_view::npos) continue;
    std::string path;
    for (const auto part : split_words(line.substr(0, sign), "/")) {
      directories_[path].insert(std::string(part));
      path += "/" + std::string(part);
    }
    if (path.empty() || directories_.contains(path)) continue;
    auto& entries = line[sign] == '=' ? files_ : links_;
    entries.emplace(path, line.substr(sign + 1));
  }
}

std::string MemoryReader::resolve(const std::string& path, bool follow) const {
  constexpr int most_links = 40;
  int links = 0;
  std::string at;
  std::vector<std::string> ahead;  // the next part last
  const auto add = [&ahead](const std::string& text) {
    const auto parts = split_words(text, "/");
    ahead.insert(ahead.end(), parts.rbegin(), parts.rend());
  };
  add(path);
  while (!ahead.empty()) {
    const auto part = ahead.back();
    ahead.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      at.erase(std::min(at.rfind('/'), at.size()));
      continue;
    }
    const auto next = at + "/" + part;
    const auto link = links_.find(next);
    if (link == links_.end() || (ahead.empty() && !follow)) {
      at = next;
      continue;
    }
    if (++links > most_links) return "/loop";
    if (link->second.starts_with('/')) at.clear();
    add(link->second);
  }
  return at;
}

Result<std::optional<std::string>> MemoryReader::read(const std::string& path) const {
  const auto place = resolve(path, true);
  if (directories_.contains(place)) return fail(path + " is a directory");
  const auto found = files_.find(place);
  if (found == files_.end()) return std::nullopt;
  return found->second;
}

Result<std::vector<std::string>> MemoryReader::list(const std::string& path) const {
  const auto place = resolve(path, true);
  if (files_.contains(place)) return fail(path + " is no directory");
  const auto found = directories_.find(place);
  if (found == directories_.end()) return std::vector<std::string>();
  return std::vector<std::string>(found->second.begin(), found->second.end());
}

Result<std::optional<FileStatus>> MemoryReader::status(const std::string& path) const {
  const auto place = resolve(path, false);
  if (files_.contains(place)) return FileStatus{FileKind::regular};
  if (links_.contains(place)) return FileStatus{FileKind::symbolic_link};
  if (directories_.contains(place)) return FileStatus{FileKind::directory};
  return std::nullopt;
}

std::optional<std::string> MemoryReader::read_link(const std::string& path) const {
  const auto found = links_.find(resolve(path, false));
  if (found == links_.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<UniqueFd>> MemoryReader::open_directory(const std::string& /*path*/) const {
  return std::nullopt;
}

Result<FileState> MemoryReader::state(const std::string& path) const {
  const auto place = resolve(path, false);
  if (const auto file = files_.find(place); file != files_.end()) return RegularFile{file->second};
  if (const auto link = links_.find(place); link != links_.end()) return SymbolicLink{link->second};
  if (directories_.contains(place)) return Directory{};
  return Absent{};
}

bool MemoryReader::exists(const std::string& path) const {
  const auto place = resolve(path, true);
  return files_.contains(place) || directories_.contains(place);
}

}  // namespace vfio_switch::fuzz
