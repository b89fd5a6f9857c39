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

  bool operator==(const ImageStep&) const = default;
};

/// What an image holds of that which decides about drivers.
struct ImageFacts {
  DriverConfig config;                  ///< its modprobe.d, and its list for binding by address
  bool has_modprobe_d = false;          ///< its builder copies /etc/modprobe.d
  bool bind_script = false;             ///< the script that binding by address runs is in it
  std::vector<ImageStep> steps;         ///< how it loads modules
  std::set<std::string> blacklisted;    ///< by its init, beside modprobe.d
  std::vector<std::string> modules;     ///< every module file that it holds; sorted, underscores
  std::vector<UnreadFile> unread = {};  ///< what in it could not be read

  bool operator==(const ImageFacts&) const = default;
};

/// The modules that one line of a list, or one device's alias, would load in an image.
struct LoadRequest {
  std::vector<std::string> modules;  ///< in load order, underscores
  std::optional<Reason> unclear;     ///< why that is not certain; nothing where it is
  /// What the request gives to vfio-pci, if vfio-pci is not loaded yet; see EarlyModule::ids.
  std::optional<VfioIds> ids = {};
  Place where = {};  ///< of `ids`
};

/// Requests that are carried out one after the other, or, where not `ordered`, in any order.
struct LoadStep {
  bool ordered = true;
  std::vector<LoadRequest> requests;
};

/// What an image did about one function when the real root takes over.
struct ImageOutcome {
  std::vector<std::string> modules;     ///< loaded by it, in the order of its requests
  std::optional<std::string> winner;    ///< "vfio_pci" or a claimant; nothing: it left it alone
  std::vector<std::string> contenders;  ///< those of `modules` that could take it
  std::optional<Reason> unclear;        ///< why that is not certain; nothing where it is
  std::optional<Place> list = {};       ///< the line whose ids vfio-pci was loaded with

  bool operator==(const ImageOutcome&) const = default;
};

/// Runs an image's start for one function. Where the order is open, the worst for vfio-pci counts.
/// `bound` is what lets vfio-pci take the function there. A built-in driver binds it before any
/// image starts, and only the bind script takes it from such a driver.
[[nodiscard]] ImageOutcome run_image(const std::vector<LoadStep>& steps, const Claim& claim,
                                     const PciDevice& device, Bound bound);

/// What becomes of a function: `root` is the order of the real root alone, before which the image
/// had its turn. A module that is loaded stays, with the options that it was loaded with.
[[nodiscard]] LoadOrder after_image(LoadOrder root, const ImageOutcome& image, const Claim& claim);

}  // namespace vfio_switch
