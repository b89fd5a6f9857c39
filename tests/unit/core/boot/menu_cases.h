// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/boot_sources.h"

namespace vfio_switch::test {

/// A folder of tests/unit/core/boot/menus: the files of a machine below `root`, where its file
/// systems are mounted (`mounts`), and the menu that a reader has to find there (`expected`).
class MenuCase {
 public:
  explicit MenuCase(const std::string& name);

  /// A file's content, by its path as seen inside the root.
  [[nodiscard]] const std::string& text(const std::string& path) const;
  /// Path and content of all files below a directory of the root, sorted.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> below(
      const std::string& directory) const;
  [[nodiscard]] BootSources sources() const;
  [[nodiscard]] const std::string& expected() const { return expected_; }

  /// Changes what a file holds.
  void set(const std::string& path, std::string content) { files_[path] = std::move(content); }
  void remove(const std::string& path) { files_.erase(path); }
  /// A path that exists and may not be read.
  void forbid(const std::string& path) { forbidden_.push_back(path); }

 private:
  /// Where a file is inside the root; empty: on no file system that is mounted.
  [[nodiscard]] std::string place(const BootFile& file) const;
  [[nodiscard]] bool is_forbidden(const std::string& path) const;

  std::map<std::string, std::string> files_;   ///< by path, "/boot/grub/grub.cfg"
  std::map<std::string, std::string> mounts_;  ///< "uuid 1111" or "holder": mount point
  std::vector<std::string> forbidden_;
  std::string expected_;
};

/// A menu as `expected` files have it: one fact a line.
[[nodiscard]] std::string menu_text(const BootMenu& menu);

/// Runs `check` on `count` texts that are `text` with a few bytes, lines or blocks of it changed,
/// lost, doubled or moved. The same ones each time.
void for_mutations(std::string_view text, std::size_t count,
                   const std::function<void(const std::string&)>& check);

}  // namespace vfio_switch::test
