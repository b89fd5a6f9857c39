// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "system/files/file_reader.h"
#include "system/images/image_tree.h"

namespace vfio_switch {

/// The images that one question was answered from. Unpacking one takes most of the time of a
/// command, and a kernel and several entries of the boot menu often start the same one.
/// It is for one reader and one question: what is built meanwhile is not seen. Copies share what
/// they know.
class OpenedImages {
 public:
  using Opened = Result<std::shared_ptr<const ImageTree>>;

  /// What read_initramfs() says of `paths`; a failure is remembered too.
  [[nodiscard]] Opened open(const FileReader& files, const std::vector<std::string>& paths) const;

 private:
  using Known = std::map<std::vector<std::string>, Opened>;

  std::shared_ptr<Known> known_ = std::make_shared<Known>();
};

}  // namespace vfio_switch
