// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/rpm_ostree.h"

#include <string>
#include <vector>

#include "core/machine/profile.h"
#include "system/state/state_store.h"
#include "system/temporary_root.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

using test::TemporaryRoot;
using test::value_of;
using Words = std::vector<std::string>;

namespace {

class NoPrograms final : public CommandRunner {
 public:
  [[nodiscard]] bool has(const std::string& /*program*/) const override { return false; }
  [[nodiscard]] Result<CommandResult> run(const Invocation& /*command*/,
                                          const CommandListener& /*listener*/) override {
    return fail("nothing is run");
  }
};

ImageBuild build_in(const TemporaryRoot& root) {
  const NoPrograms none;
  Profile profile;
  profile.initramfs = {InitramfsGenerator::dracut};
  const auto tool = value_of(find_initramfs_tool(profile, *root.reader(), none));
  return value_of(
      plan_build(tool, *root.reader(), "6.17.7", "/usr/lib/modules/6.17.7/initramfs.img"));
}

}  // namespace

TEST_CASE("The command lines for rpm-ostree, as recorded") {
  const TemporaryRoot root;
  root.write("/run/ostree-booted", "");
  SECTION("enabled") {
    root.write(state_path, render_state({Intent::enabled, {}, {}}));
    const auto build = build_in(root);
    CHECK(build.command.program == "rpm-ostree");
    CHECK(build.command.arguments ==
          Words{"initramfs", "--enable", "--arg=--force-drivers", "--arg=vfio_pci",
                "--arg=--install-optional",
                "--arg=/etc/modprobe.d/vfio.conf /etc/modprobe.d/00-vfio-softdep.conf "
                "/etc/vfio-switch/override /usr/lib/vfio-switch/bind"});
    CHECK(build.for_new_deployment);
  }
  SECTION("disabled") {
    root.write(state_path, render_state({Intent::disabled, {}, {}}));
    CHECK(build_in(root).command.arguments == Words{"initramfs", "--disable"});
  }
}

}  // namespace vfio_switch
