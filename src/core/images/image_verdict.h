// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/binding/driver_config.h"
#include "core/cards/intent.h"
#include "core/images/image_content.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// What was found where a kernel's image should be.
enum class ImageCondition {
  readable,
  missing,
  damaged,  ///< truncated, or nothing that the kernel could unpack
  unknown,  ///< it takes root to look into it
};

/// One kernel's image, opened and proved.
struct ImageReport {
  std::string kernel;
  ImageCondition condition = ImageCondition::readable;
  std::optional<Reason> problem;  ///< why it is not readable
  ImageFacts facts;               ///< where it is readable
  std::vector<LoadOrder> orders;  ///< for each function, both stages; where it is readable
  bool root_decides = false;      ///< it is not about the card, and need not be: see concern_of()
};

/// Whether an image does what is wanted, and why not.
struct ImageVerdict {
  std::optional<bool> staged;         ///< nothing: cannot be judged
  std::optional<Reason> reason;       ///< nothing where staged
  bool root_decides = false;          ///< it is not about the card
  std::optional<bool> has_vfio = {};  ///< the module; nothing where the image was not read
};

/// Verdicts by kernel release.
using ImageVerdicts = std::map<std::string, ImageVerdict>;

/// What boots once an image was built.
enum class BuiltImage {
  boots,
  copy_stale,      ///< an outdated copy of it
  copy_not_known,  ///< a copy that cannot be looked at
};

/// Judges the image of `kernel`. `config` is the configuration that it should hold, `root` what
/// the real root alone would do under it. Wanted is the card for vfio-pci, where `intent` is
/// enabled; else nothing that the real root would not do as well.
[[nodiscard]] ImageVerdict judge_image(const ImageReport& image, const Kernel& kernel,
                                       const DriverConfig& config,
                                       const std::vector<LoadOrder>& root, Intent intent);

}  // namespace vfio_switch
