// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/packages/alpm_hooks.h"

#include <filesystem>
#include <string>
#include <vector>

#include "catch.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::TemporaryRoot;
using test::value_of;

namespace {

const std::string stock = "/usr/share/libalpm/hooks/90-mkinitcpio-install.hook";
const std::string hook =
    "[Trigger]\nType = Path\nOperation = Install\nOperation = Upgrade\nOperation = Remove\n"
    "Target = usr/lib/initcpio/*\nTarget=usr/src/*/dkms.conf\n\n"
    "[Trigger]\nType = Path\nOperation = Install\nOperation = Upgrade\n"
    "Target = usr/lib/modules/*/vmlinuz\n\n"
    "[Trigger]\nType = Package\nOperation = Install\nTarget = mkinitcpio\n\n"
    "[Action]\nWhen = PostTransaction\nTarget = never\nExec = /usr/bin/true\n";

bool builds(const TemporaryRoot& root, const std::vector<std::string>& targets) {
  return builds_images(*root.store(), targets);
}

}  // namespace

TEST_CASE("The distribution's hook builds images where one of its triggers names a target") {
  const TemporaryRoot root;
  root.write(stock, hook);
  root.write("/usr/lib/modules/6.12/vmlinuz", "");
  CHECK(builds(root, {"usr/lib/initcpio/install/vfio-switch"}));
  CHECK(builds(root, {"usr/src/nvidia-570/dkms.conf"}));
  CHECK(builds(root, {"usr/lib/modprobe.d/x.conf", "usr/lib/modules/6.12/vmlinuz"}));
  CHECK(builds(root, {"mkinitcpio"}));
  CHECK_FALSE(builds(root, {"usr/lib/modprobe.d/x.conf", "vfio-switch", "never"}));
  CHECK_FALSE(builds(root, {}));
  // It has gone, and that hook looks at kernels that come alone.
  CHECK_FALSE(builds(root, {"usr/lib/modules/6.6/vmlinuz"}));
}

TEST_CASE("An administrator's hook of the same name is the one that counts") {
  const TemporaryRoot root;
  root.write(stock, hook);
  root.write("/etc/pacman.d/hooks/90-mkinitcpio-install.hook",
             "[Trigger]\nType = Package\nOperation = Install\nTarget = limine\n");
  CHECK_FALSE(builds(root, {"usr/lib/initcpio/install/vfio-switch"}));
  CHECK(builds(root, {"limine"}));
}

TEST_CASE("A hook that is masked, or missing, builds nothing") {
  const TemporaryRoot root;
  CHECK_FALSE(builds(root, {"usr/lib/initcpio/install/vfio-switch"}));
  root.write(stock, hook);
  root.write("/etc/pacman.d/hooks/other.hook", "");
  std::filesystem::create_symlink("/dev/null",
                                  root.outside("/etc/pacman.d/hooks/90-mkinitcpio-install.hook"));
  CHECK_FALSE(builds(root, {"usr/lib/initcpio/install/vfio-switch"}));
}

}  // namespace vfio_switch
