// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "system/files/file_reader.h"

namespace vfio_switch::fuzz {

/// A tree in memory, from lines "PATH=CONTENT" and "PATH>TARGET of a symbolic link". The
/// directories above a path are there too.
class MemoryReader final : public FileReader {
 public:
  explicit MemoryReader(std::string_view text);

  [[nodiscard]] bool is_running_system() const override { return false; }
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& path) const override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override;
  [[nodiscard]] Result<std::optional<FileStatus>> status(const std::string& path) const override;
  [[nodiscard]] std::optional<std::string> read_link(const std::string& path) const override;
  [[nodiscard]] Result<std::optional<UniqueFd>> open_directory(
      const std::string& path) const override;
  [[nodiscard]] Result<std::optional<UniqueFd>> open_file(
      const std::string& /*path*/) const override {
    return std::nullopt;
  }
  [[nodiscard]] Result<FileState> state(const std::string& path) const override;
  [[nodiscard]] bool exists(const std::string& path) const override;

 private:
  /// Where `path` leads; the last part is followed only where `follow` says so.
  [[nodiscard]] std::string resolve(const std::string& path, bool follow) const;

  std::map<std::string, std::string> files_;
  std::map<std::string, std::string> links_;
  std::map<std::string, std::set<std::string>> directories_;
};

}  // namespace vfio_switch::fuzz
