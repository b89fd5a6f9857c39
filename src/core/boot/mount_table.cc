// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/mount_table.h"

#include <algorithm>
#include <cstddef>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// "\040" is a blank, in mountinfo as in fstab.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7' ? text[at] - '0' : -1;
    };
    if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 2) >= 0 && digit(i + 3) >= 0) {
      plain += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string without_end_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

}  // namespace

std::vector<MountRow> parse_mount_rows(std::string_view mountinfo) {
  constexpr std::size_t root_field = 3;
  std::vector<MountRow> rows;
  for (const auto line : split_lines(mountinfo)) {
    const auto words = split_words(line);
    const auto separator = std::ranges::find(words, "-");
    if (separator - words.begin() < 6 || words.end() - separator < 3) continue;
    MountRow row;
    row.root = unescaped(words[root_field]);
    row.point = unescaped(words[root_field + 1]);
    row.type = std::string(*(separator + 1));
    row.source = unescaped(*(separator + 2));
    row.is_mounted = true;
    if (row.type == "autofs") continue;
    // The later one covers what is mounted at the same point, and below it.
    std::erase_if(rows, [&](const MountRow& other) { return is_below(other.point, row.point); });
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<MountRow> parse_fstab_rows(std::string_view fstab) {
  constexpr std::string_view subvolume = "subvol=";
  std::vector<MountRow> rows;
  for (const auto line : split_lines(fstab)) {
    const auto words = split_words(line);
    if (words.size() < 3 || words[0].starts_with('#') || !words[1].starts_with('/')) continue;
    MountRow row;
    row.source = unescaped(words[0]);
    std::erase(row.source, '"');
    row.point = without_end_slash(unescaped(words[1]));
    row.type = std::string(words[2]);
    row.root = "/";
    for (const auto option : split_words(words.size() > 3 ? words[3] : "", ",")) {
      if (!option.starts_with(subvolume)) continue;
      row.root = unescaped(option.substr(subvolume.size()));
      if (!row.root.starts_with('/')) row.root.insert(0, "/");
      row.root = without_end_slash(row.root);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::optional<std::string> path_in_row(const MountRow& row, std::string_view path) {
  if (!is_below(path, row.root)) return std::nullopt;
  if (row.root != "/") path.remove_prefix(row.root.size());
  if (path.empty()) path = "/";
  return row.point == "/" ? std::string(path) : row.point + std::string(path);
}

const MountRow* row_of(const std::vector<MountRow>& rows, std::string_view path) {
  const MountRow* found = nullptr;
  for (const auto& row : rows) {
    if (!is_below(path, row.point)) continue;
    if (found == nullptr || row.point.size() >= found->point.size()) found = &row;
  }
  return found;
}

}  // namespace vfio_switch
