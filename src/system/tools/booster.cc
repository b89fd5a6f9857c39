// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/booster.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/files/own_paths.h"

namespace vfio_switch {

bool is_boosters(const std::string& image) {
  return std::string_view(image).substr(image.rfind('/') + 1).starts_with("booster-");
}

std::vector<ImageHindrance> find_booster(const FileReader& files,
                                         std::optional<InitramfsGenerator> generator,
                                         const std::vector<Kernel>& kernels) {
  const bool boots = std::ranges::any_of(kernels, [](const Kernel& kernel) {
    return !kernel.loaded.empty() && is_boosters(kernel.loaded.back());
  });
  if (!boots && (generator || !files.exists("/usr/bin/booster"))) return {};
  // The ids are those of the card, which is not chosen yet: the line says where they go.
  Remedy by_hand = {
      Edit{{"/etc/booster.yaml"}, {}, "modules_force_load: vfio_pci"},
      Edit{{std::string(vfio_conf_path)}, {}, "options vfio-pci ids=VENDOR:DEVICE,..."},
      Run{{{"/usr/lib/booster/regenerate_images"}}},
  };
  return {{{ReasonCause::booster_ignores, std::move(by_hand)}, true}};
}

}  // namespace vfio_switch
