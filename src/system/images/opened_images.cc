// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/opened_images.h"

#include <cstddef>
#include <utility>

#include "system/images/initramfs_image.h"

namespace vfio_switch {

namespace {

/// An image's tree takes some megabytes; few machines start more images than this.
constexpr std::size_t most_kept = 8;

}  // namespace

OpenedImages::Opened OpenedImages::open(const FileReader& files,
                                        const std::vector<std::string>& paths) const {
  if (const auto known = known_->find(paths); known != known_->end()) return known->second;
  auto read = read_initramfs(files, paths);
  Opened opened = read ? Opened(std::move(*read)) : failure_of(read);
  if (known_->size() >= most_kept) known_->clear();
  known_->emplace(paths, opened);
  return opened;
}

}  // namespace vfio_switch
