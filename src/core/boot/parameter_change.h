// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/files/diff.h"

namespace vfio_switch {

/// What changes when a boot loader is to pass other parameters.
struct ParameterEdit {
  std::vector<FileChange> files;
  std::optional<BootParameters> run;  ///< after them

  [[nodiscard]] bool is_empty() const { return files.empty() && !run; }
};

}  // namespace vfio_switch
