// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

namespace vfio_switch {

/// True of vfio-pci and of its variants, which hold a device for a virtual machine as well and can
/// do more with the models that they know: xe-vfio-pci, mlx5_vfio_pci. libvirt 10.0 and later binds
/// a managed device to the variant that knows it, so that a card that vfio-pci had at boot may have
/// one while its virtual machine runs. Every variant of the kernel is named so.
[[nodiscard]] bool is_vfio_driver(const std::optional<std::string>& driver);

}  // namespace vfio_switch
