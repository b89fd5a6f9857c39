// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/files/file_state.h"
#include "system/files/file_reader.h"
#include "system/files/rooted_directory.h"

namespace vfio_switch {

[[nodiscard]] Result<std::optional<std::string>> read_file(const RootedDirectory& root,
                                                           const std::string& path);
[[nodiscard]] Result<std::vector<std::string>> list_directory(const RootedDirectory& root,
                                                              const std::string& path);
[[nodiscard]] Result<std::optional<FileStatus>> file_status(const RootedDirectory& root,
                                                            const std::string& path);
[[nodiscard]] std::optional<std::string> link_target(const RootedDirectory& root,
                                                     const std::string& path);
[[nodiscard]] Result<std::optional<UniqueFd>> file_descriptor(const RootedDirectory& root,
                                                              const std::string& path);
[[nodiscard]] Result<std::optional<UniqueFd>> directory_descriptor(const RootedDirectory& root,
                                                                   const std::string& path);
[[nodiscard]] Result<FileState> file_state(const RootedDirectory& root, const std::string& path);
[[nodiscard]] bool path_exists(const RootedDirectory& root, const std::string& path);

/// The reading half of `Interface` (FileReader or FileStore) below a real directory.
template <class Interface>
class RootedReader : public Interface {
 public:
  explicit RootedReader(RootedDirectory root) : root_(std::move(root)) {}

  [[nodiscard]] bool is_running_system() const override { return root_.is_running_system(); }
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& path) const override {
    return read_file(root_, path);
  }
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override {
    return list_directory(root_, path);
  }
  [[nodiscard]] Result<std::optional<FileStatus>> status(const std::string& path) const override {
    return file_status(root_, path);
  }
  [[nodiscard]] std::optional<std::string> read_link(const std::string& path) const override {
    return link_target(root_, path);
  }
  [[nodiscard]] Result<std::optional<UniqueFd>> open_file(const std::string& path) const override {
    return file_descriptor(root_, path);
  }
  [[nodiscard]] Result<std::optional<UniqueFd>> open_directory(
      const std::string& path) const override {
    return directory_descriptor(root_, path);
  }
  [[nodiscard]] Result<FileState> state(const std::string& path) const override {
    return file_state(root_, path);
  }
  [[nodiscard]] bool exists(const std::string& path) const override {
    return path_exists(root_, path);
  }

 protected:
  [[nodiscard]] const RootedDirectory& root() const { return root_; }

 private:
  RootedDirectory root_;
};

}  // namespace vfio_switch
