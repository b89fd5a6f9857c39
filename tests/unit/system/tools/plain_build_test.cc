// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/plain_build.h"

#include <filesystem>
#include <string>
#include <vector>

#include "catch.h"
#include "core/base/text.h"
#include "system/process/command_runner.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::TemporaryRoot;
using Lines = std::vector<std::string>;

namespace {

void install(const TemporaryRoot& root, const std::string& program) {
  root.write("/usr/bin/" + program, "#!/bin/sh\n");
  std::filesystem::permissions(root.outside("/usr/bin/" + program),
                               std::filesystem::perms::owner_all);
}

Lines commands(const TemporaryRoot& root, const Lines& changed) {
  Lines lines;
  const auto runner = make_command_runner(root.outside("").string());
  for (const auto& command : plain_boot_commands(*root.reader(), *runner, changed)) {
    lines.push_back(command.program + " " + join(command.arguments, " "));
  }
  return lines;
}

}  // namespace

TEST_CASE("Of the tools that write boot entries those run whose settings have changed") {
  const TemporaryRoot root;
  CHECK(commands(root, {"/etc/kernel/cmdline"}).empty());
  for (const auto* program :
       {"sdboot-manage", "sdbootutil", "proxmox-boot-tool", "grub-mkconfig"}) {
    install(root, program);
  }
  CHECK(commands(root, {"/etc/modprobe.d/vfio.conf"}).empty());
  CHECK(commands(root, {"/etc/sdboot-manage.conf.d/zz-vfio-switch.conf"}) ==
        Lines{"sdboot-manage gen"});
  CHECK(commands(root, {"/etc/kernel/cmdline"}) ==
        Lines{"sdbootutil update-all-entries", "proxmox-boot-tool refresh"});
  root.write("/boot/grub/grub.cfg", "");
  CHECK(commands(root, {}) == Lines{"grub-mkconfig -o /boot/grub/grub.cfg"});
}

}  // namespace vfio_switch
