// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/binding/driver_config.h"
#include "core/binding/override.h"
#include "core/images/image_content.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

// Where the images hold nothing that is about the card, the root file system decides which driver
// gets it, and switching needs no image build.

/// Why an image of `kernel` is about the card: it holds a module that could claim it, vfio-pci, a
/// list that names one of them, or a file of ours that says something. Nothing where it is not.
[[nodiscard]] std::optional<Reason> concern_of(const ImageFacts& image, const std::string& kernel,
                                               const std::vector<Claim>& claims);

/// Why the card has to be claimed in the images, whatever they hold now, for a change from `before`
/// to `after`. Nothing where the root file system may decide.
[[nodiscard]] std::optional<Reason> need_for_images(const SystemFacts& facts,
                                                    const std::vector<Claim>& claims,
                                                    const DriverConfig& before,
                                                    const DriverConfig& after);

}  // namespace vfio_switch
