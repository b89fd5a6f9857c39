// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "system/process/command_runner.h"

namespace vfio_switch {

/// How a tool builds one image.
struct ImageBuild {
  Invocation command;
  std::string written;    ///< where the tool writes; not the image itself: it is renamed to that
  bool in_place = false;  ///< the tool may write into what stands at `written`
  /// The image belongs to another deployment: the one here is not changed, and proves nothing.
  bool for_new_deployment = false;

  /// True if the image's old bytes survive the build under another name.
  [[nodiscard]] bool replaces_by_rename(const std::string& image) const {
    return written != image || !in_place;
  }
};

}  // namespace vfio_switch
