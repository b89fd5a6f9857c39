// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/binding/load_request.h"
#include "core/binding/vfio_binding.h"
#include "core/machine/driverctl.h"
#include "core/machine/facts.h"
#include "core/machine/override_setter.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// All that decides, in one boot of one kernel, which driver gets a function. A plain value:
/// whoever collects it asks libkmod, decide() nothing any more.
struct Contest {
  PciDevice device;
  Claim claim;
  ModuleForm vfio = ModuleForm::loadable;  ///< missing, too, where the command line refuses it
  /// What lets vfio-pci take the function, as the module is loaded in the image or after it.
  Bound in_image;
  Bound in_root;
  std::vector<LoadStep> steps;  ///< of the image, then of the real root
  /// What would come of loading a claimant by name, as users and other modules do.
  std::vector<LoadRequest> by_name = {};
  std::optional<Reason> vfio_unclear = {};   ///< an install command for vfio-pci itself
  std::optional<Reason> root_unread = {};    ///< what of the real root's configuration is not known
  std::optional<Reason> image_unread = {};   ///< what of the image's
  std::vector<OverrideSetter> setters = {};  ///< somebody's own scripts; see OverrideSetter
  std::optional<DriverctlOverride> driverctl = {};
  /// pci-stub.ids= of the command line, where it names the function: pci-stub, built in, takes it
  /// as it registers, before every other driver.
  std::optional<Parameter> stub = {};
  /// The word of the command line that makes the kernel refuse vfio-pci.
  std::optional<Parameter> refusing = {};
  /// What leaves the answer open, whatever it is.
  std::optional<Reason> unknown = {};
  /// Modules that this kernel refuses, as they have no signature; none of them is in `claim`.
  std::vector<std::string> unsigned_modules = {};
  bool image_expected = false;  ///< the image is not there yet: see with_built_image()
};

/// Who gets the function, how sure that is, and why. A module that is loaded stays, with the
/// options that it was loaded with. Where the order of requests is open, the worst for vfio-pci
/// counts. A driver that is built in has the function before any module is loaded, and only the
/// bind script takes it from there.
[[nodiscard]] LoadOrder decide(const Contest& contest);

/// What an image adds to a contest.
struct ImageTurn {
  std::vector<LoadStep> steps;
  Bound bound;
  std::optional<Reason> unread = {};
  std::vector<OverrideSetter> setters = {};
};

/// `contest`, of the real root alone, where an image has its turn before.
[[nodiscard]] Contest after_image(Contest contest, ImageTurn image);

}  // namespace vfio_switch
