// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "system/files/file_reader.h"
#include "system/files/mapped_text.h"

namespace vfio_switch {

/// Which modules of a kernel need which: its modules.dep, the other way round. libkmod answers
/// only what one module needs.
class ModuleDependencies {
 public:
  [[nodiscard]] static Result<ModuleDependencies> read(const FileReader& files,
                                                       const Kernel& kernel);

  /// The modules that need one of `files`, directly or not; sorted, underscores. Files are as in
  /// modules.dep: "kernel/drivers/gpu/drm/drm.ko".
  [[nodiscard]] std::vector<std::string> dependants(const std::set<std::string>& files) const;

 private:
  explicit ModuleDependencies(MappedText text) : text_(std::move(text)) {}

  MappedText text_;
};

}  // namespace vfio_switch
