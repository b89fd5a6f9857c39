// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "system/files/file_reader.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

/// A root with the ESPs that Proxmox keeps unmounted (/etc/kernel/proxmox-boot-uuids), each below a
/// path of its own. They are mounted as long as it lives, for root on the running system, where
/// nobody else sees it: read-only, and not attached to any directory (fsmount(2)). It must be gone
/// before proxmox-boot-tool is run, which mounts them to write.
class EspView : public FileReader {
 public:
  explicit EspView(const FileReader& files);

  [[nodiscard]] bool is_running_system() const override { return files_.is_running_system(); }
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& path) const override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override;
  [[nodiscard]] Result<std::optional<FileStatus>> status(const std::string& path) const override;
  [[nodiscard]] std::optional<std::string> read_link(const std::string& path) const override;
  [[nodiscard]] Result<std::optional<UniqueFd>> open_file(const std::string& path) const override;
  [[nodiscard]] Result<std::optional<UniqueFd>> open_directory(
      const std::string& path) const override;
  [[nodiscard]] Result<FileState> state(const std::string& path) const override;
  [[nodiscard]] bool exists(const std::string& path) const override;
  [[nodiscard]] std::vector<std::string> own_mounts() const override;

 private:
  struct Esp {
    std::string point;
    UniqueFd mount;
    std::unique_ptr<FileReader> files;
  };

  /// The reader that has `path`, and the path in it.
  [[nodiscard]] std::pair<const FileReader&, std::string> place_of(const std::string& path) const;

  const FileReader& files_;
  std::vector<Esp> esps_;
};

}  // namespace vfio_switch
