// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// Built-in drivers register one after the other: by the level of their initcall, and within a
/// level in the order in which the kernel is linked. The one that registers first binds a function
/// that several could take. vfio-pci takes the functions of vfio-pci.ids= as it registers, on the
/// level of module_init().

/// The directory of the kernel's source that `driver`, a module's or a driver's name with
/// underscores, comes from, where a driver from there is known to register after vfio-pci when both
/// are built into one kernel: "drivers/usb". Nothing where that is not known.
[[nodiscard]] std::optional<std::string_view> linked_after_vfio(std::string_view driver);

/// The first of `drivers` that is not known to register after vfio-pci; nothing where all do.
[[nodiscard]] std::optional<std::string> first_before_vfio(const std::vector<std::string>& drivers);

}  // namespace vfio_switch
