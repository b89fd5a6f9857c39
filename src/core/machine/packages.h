// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// A kernel, and the package that brought its image.
struct KernelPackage {
  std::string release;
  std::string package;  ///< empty where no package owns it

  bool operator==(const KernelPackage&) const = default;
};

/// What a package database knows that a plan may turn on.
struct PackageFacts {
  std::vector<KernelPackage> kernels;         ///< in the order in which they were asked for
  std::vector<std::string> graphics_drivers;  ///< packages; sorted
  std::vector<std::string> generators;        ///< "mkinitcpio", "dracut", "booster"
  bool dkms = false;

  bool operator==(const PackageFacts&) const = default;
};

inline constexpr std::array<std::string_view, 3> known_generators = {"mkinitcpio", "dracut",
                                                                     "booster"};

/// What a kernel's package and a driver's bear: by these they are known.
inline constexpr std::string_view nvidia_module_provision = "NVIDIA-MODULE";

/// The facts as lines, each a word and its values: how vfio-switch-alpm hands them over.
[[nodiscard]] std::string render_packages(const PackageFacts& facts);
/// Reads them again. A line that is not understood is skipped: a newer helper may say more.
[[nodiscard]] PackageFacts parse_packages(std::string_view text);

}  // namespace vfio_switch
