// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/booster.h"

namespace vfio_switch {

std::vector<ImageHindrance> find_booster(const FileReader& files,
                                         std::optional<InitramfsGenerator> generator) {
  if (generator || !files.exists("/usr/bin/booster")) return {};
  return {
      {"booster builds this system's images, and reads neither softdep nor install lines of "
       "modprobe.d. By hand: add vfio_pci to the line 'modules_force_load: vfio_pci' in "
       "/etc/booster.yaml, the line 'options vfio-pci ids=VENDOR:DEVICE,...' with the ids of "
       "'vfio-switch devices' to /etc/modprobe.d/vfio.conf, and run "
       "'/usr/lib/booster/regenerate_images'; or install mkinitcpio or dracut in its place",
       true}};
}

}  // namespace vfio_switch
