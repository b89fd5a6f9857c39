// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.h"
#include "system/files/file_store.h"

namespace vfio_switch::test {

/// A root of its own below the directory for temporary files; gone with its owner. What a test
/// puts there and finds there goes past the FileStore.
class TemporaryRoot {
 public:
  TemporaryRoot() {
    std::string name = std::filesystem::temp_directory_path() / "vfio-switch-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  TemporaryRoot(const TemporaryRoot&) = delete;
  TemporaryRoot& operator=(const TemporaryRoot&) = delete;
  ~TemporaryRoot() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// Where `path` of the root is on this machine.
  [[nodiscard]] std::filesystem::path outside(const std::string& path) const {
    return path_.string() + path;
  }

  void make_directory(const std::string& path) const {
    std::filesystem::create_directories(outside(path));
  }

  void write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories(outside(path).parent_path());
    std::ofstream(outside(path), std::ios::binary) << content;
  }

  void link(const std::string& path, const std::string& target) const {
    std::filesystem::create_directories(outside(path).parent_path());
    std::filesystem::create_symlink(target, outside(path));
  }

  [[nodiscard]] std::string content(const std::string& path) const {
    std::ifstream file(outside(path), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  [[nodiscard]] std::unique_ptr<FileStore> store() const {
    return value_of(open_store(path_.string()));
  }

  [[nodiscard]] std::unique_ptr<FileReader> reader() const {
    return value_of(open_reader(path_.string()));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace vfio_switch::test
