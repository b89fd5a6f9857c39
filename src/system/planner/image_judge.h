// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/binding/contest.h"
#include "core/binding/driver_config.h"
#include "core/images/image_verdict.h"
#include "core/message/note.h"
#include "core/modules/load_order.h"
#include "core/plan/plan.h"
#include "system/files/file_reader.h"
#include "system/images/opened_images.h"
#include "system/machine/machine.h"

namespace vfio_switch {

/// What libkmod said about a plan's functions.
struct Evidence {
  std::vector<Claim> claims;
  std::vector<LoadOrder> root_alone = {};  ///< under `Plan::config`; see LoadOrders
  std::vector<Contest> contests = {};      ///< what led there
  OpenedImages opened = {};
};

/// The images as they are, judged, and which driver gets each function after them.
struct JudgedImages {
  ImageVerdicts verdicts;
  std::vector<LoadOrder> orders;
};

/// Opens the images that a machine's kernels start, and says whether they do what is wanted.
class ImageJudge {
 public:
  ImageJudge(const FileReader& files, const Machine& machine) : files_(files), machine_(machine) {}

  [[nodiscard]] Result<JudgedImages> look_into_all(const Evidence& evidence,
                                                   const DriverConfig& config, Intent intent) const;
  /// Of images that boot as a copy, and whose original does what is wanted: they are not built
  /// again, but have to be copied. What says so, by kernel release.
  [[nodiscard]] Result<std::map<std::string, Note>> find_stale_copies(
      const Evidence& evidence, const DriverConfig& config, Intent intent,
      const ImageVerdicts& verdicts) const;
  /// One image, and what follows it.
  [[nodiscard]] Result<ImageReport> open(const Kernel& kernel, const Evidence& evidence,
                                         const DriverConfig& config, Intent intent) const;
  /// Whether a root file system of `config` needs nothing of an image to decide.
  [[nodiscard]] bool can_do_without_images(const std::vector<Claim>& claims,
                                           const DriverConfig& config, Intent intent) const;

  /// Opens an image that was built while `plan` was carried out, and what boots, if that is a copy.
  /// An Error where the image does not do what the plan wants. The machine is to be read anew.
  [[nodiscard]] Result<BuiltImage> check_built(const Plan& plan,
                                               const RebuildInitramfs& built) const;

 private:
  const FileReader& files_;
  const Machine& machine_;
};

}  // namespace vfio_switch
