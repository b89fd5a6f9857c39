// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/binding/driver_config.h"
#include "core/binding/override.h"
#include "core/binding/vfio_binding.h"
#include "core/files/unread_file.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// A step of an image's start: a list of modules that it loads, udev's coldplug, or both at once.
struct ImageStep {
  std::vector<EarlyModule> listed;  ///< in order, unless `coldplug` runs beside it
  bool coldplug = false;            ///< every device's modules are loaded, in no order
  bool applies_blacklist = false;   ///< modprobe.d's blacklist keeps away what is `listed`, too
  /// dracut's queue for settled devices: it is left as soon as the root file system is there.
  bool may_be_left_out = false;

  bool operator==(const ImageStep&) const = default;
};

/// What an image holds of that which decides about drivers.
struct ImageFacts {
  DriverConfig config;           ///< its modprobe.d, and its list for binding by address
  bool has_modprobe_d = false;   ///< its builder copies /etc/modprobe.d
  bool bind_script = false;      ///< the script that binding by address runs is in it
  std::vector<ImageStep> steps;  ///< how it loads modules
  /// booster's: what its init loads, which knows no steps. See booster_step().
  std::optional<std::vector<EarlyModule>> booster = {};
  std::set<std::string> blacklisted;         ///< by its init, beside modprobe.d
  std::vector<OverrideSetter> setters = {};  ///< see read_image_override_setters()
  std::vector<std::string> modules;     ///< every module file that it holds; sorted, underscores
  std::vector<UnreadFile> unread = {};  ///< what in it could not be read

  bool operator==(const ImageFacts&) const = default;
};

}  // namespace vfio_switch
