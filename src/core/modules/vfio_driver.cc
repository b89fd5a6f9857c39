// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/vfio_driver.h"

#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

bool is_vfio_driver(const std::optional<std::string>& driver) {
  if (!driver) return false;
  const auto module = module_name(*driver);
  return module == "vfio_pci" || module.ends_with("_vfio_pci");
}

}  // namespace vfio_switch
