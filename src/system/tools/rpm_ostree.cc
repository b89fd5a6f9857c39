// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/rpm_ostree.h"

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

ImageBuild RpmOstreeInitramfs::build(const std::string& /*release*/,
                                     const std::string& image) const {
  ImageBuild build{{"rpm-ostree", {"initramfs"}}, image, false, true};
  auto& arguments = build.command.arguments;
  if (!enabled) {
    arguments.emplace_back("--disable");
    return build;
  }
  arguments.emplace_back("--enable");
  // Each file if it exists; vfio.conf decides how the card is bound.
  std::string files;
  for (const auto path : {vfio_conf_path, softdep_conf_path, override_path, bind_path}) {
    files += (files.empty() ? "" : " ") + std::string(path);
  }
  for (const std::string& word : {std::string("--force-drivers"), std::string("vfio_pci"),
                                  std::string("--install-optional"), files}) {
    arguments.push_back("--arg=" + word);
  }
  return build;
}

bool is_ostree(const FileReader& files) {
  return files.exists("/run/ostree-booted");
}

}  // namespace vfio_switch
