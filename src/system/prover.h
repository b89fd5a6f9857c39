// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/facts.h"
#include "core/load_order.h"
#include "core/override.h"
#include "system/file_reader.h"

namespace vfio_switch {

/// Which modules could claim each of `functions`, in each kernel: what its modalias resolves to
/// under the machine's configuration and without any, blacklists ignored, since either may be
/// the one that counts after the next change of somebody's file.
[[nodiscard]] Result<std::vector<Claim>> find_claims(const FileReader& files,
                                                     const SystemFacts& facts,
                                                     const std::vector<PciAddress>& functions);

/// What counts of an image: what the distribution's tool will put into it, or nothing, since it is
/// looked into by prove_image().
enum class ImageAhead { built_anew, looked_into };

/// In which order libkmod would insert modules for each of `functions`, in each kernel, under
/// the configuration `config`, and who would win.
[[nodiscard]] Result<std::vector<LoadOrder>> prove_load_order(
    const FileReader& files, const SystemFacts& facts, const std::vector<Claim>& claims,
    const BootConfig& config, ImageAhead image = ImageAhead::built_anew);

/// Modules that an alias does not lead to: blacklist lines, and modprobe.blacklist= of this root's
/// command line. libkmod would take the latter from the running system instead.
[[nodiscard]] std::set<std::string> blacklisted(const SystemFacts& facts,
                                                const std::vector<ModprobeDirective>& directives);

}  // namespace vfio_switch
