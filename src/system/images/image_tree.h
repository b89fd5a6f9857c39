// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/error.h"
#include "system/files/file_reader.h"
#include "system/images/cpio.h"

namespace vfio_switch {

/// The files of an initramfs, as the kernel would unpack them (init/initramfs.c): archives that
/// come later override what stands there, symbolic links on the way are followed, an entry whose
/// directory is missing is lost. Contents are kept only of files that decide which modules are
/// loaded; of all others only the name is known.
class ImageTree final : public FileReader, public CpioSink {
 public:
  ImageTree();

  [[nodiscard]] bool keeps(const CpioEntry& entry) const override;
  [[nodiscard]] Result<void> add(const CpioEntry& entry, std::string body) override;
  void end_of_archive() override { linked_.clear(); }

  [[nodiscard]] bool is_running_system() const override { return false; }
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& path) const override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override;
  [[nodiscard]] Result<std::optional<FileStatus>> status(const std::string& path) const override;
  [[nodiscard]] std::optional<std::string> read_link(const std::string& path) const override;
  [[nodiscard]] Result<std::optional<UniqueFd>> open_file(const std::string& path) const override;
  /// A copy of the directory in memory, in a file system that is mounted nowhere; one copy for all
  /// who ask. Files whose content was not kept are empty in it. An Error (permission) where the
  /// system allows no such thing.
  [[nodiscard]] Result<std::optional<UniqueFd>> open_directory(
      const std::string& path) const override;
  [[nodiscard]] Result<FileState> state(const std::string& path) const override;
  [[nodiscard]] bool exists(const std::string& path) const override;

  /// The modules whose files are anywhere in it; sorted, each once, underscores.
  [[nodiscard]] std::vector<std::string> modules() const;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using LinkKey = std::tuple<std::uint64_t, std::uint64_t>;  ///< device, inode
  struct Place;

  [[nodiscard]] Place find_place(std::string_view path) const;
  [[nodiscard]] Place find_place_to_add(std::string_view path);
  [[nodiscard]] NodePtr find(std::string_view path, bool follow) const;
  [[nodiscard]] static Result<void> copy(const Node& directory, int fd);

  NodePtr root_;
  std::string last_way_;    ///< to the directory of the entry added last: most share it
  NodePtr last_directory_;  ///< null where a link or a directory has changed since
  std::map<LinkKey, NodePtr> linked_;
  mutable std::map<std::string, UniqueFd, std::less<>> copies_;  ///< by open_directory()
  std::size_t entries_ = 0;
  std::size_t kept_ = 0;           ///< bytes
  mutable std::size_t steps_ = 0;  ///< components of paths that were looked up
};

}  // namespace vfio_switch
