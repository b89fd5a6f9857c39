// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/entry_generators.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"

namespace vfio_switch {

namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

EntryGenerator generator(EntryGenerator::Kind kind, const Files& files,
                         std::vector<std::string> command) {
  EntryGenerator made{kind, {}, std::move(command)};
  for (const auto& [path, content] : files) {
    made.settings.push_back(
        {ParameterSyntax::command_line, path, RegularFile{content, 0644, 0, 0}});
  }
  return made;
}

EntryGenerator limine(const Files& files) {
  return generator(EntryGenerator::Kind::limine_entry_tool, files, {"limine-mkinitcpio"});
}

}  // namespace

TEST_CASE("limine-entry-tool is given a parameter where its other settings keep it") {
  const std::string path = "/etc/default/limine";
  const Run run{{{"limine-mkinitcpio"}}, true};
  // limine-entry-tool.conf: += appends, so that a drop-in counts beside it.
  CHECK(obstacle(limine({{path, "KERNEL_CMDLINE[default]+=\"quiet rw\"\n"}}), {"a=b"}, {}).remedy ==
        Remedy{Edit{{"/etc/limine-entry-tool.d/zz-vfio-switch.conf", 0},
                    {},
                    "KERNEL_CMDLINE[default]+=\" a=b\""},
               run});
  // A plain = drops what the drop-ins said.
  CHECK(
      obstacle(limine({{path, "X=1\nKERNEL_CMDLINE[default]=\"quiet\"\n"}}), {"a=b"}, {}).remedy ==
      Remedy{Edit{{path, 2},
                  "KERNEL_CMDLINE[default]=\"quiet\"",
                  "KERNEL_CMDLINE[default]=\"quiet a=b\""},
             run});
  // Without any such setting it reads this file, and a drop-in would make it lose root=.
  CHECK(
      obstacle(limine({{path, "X=1\n"}, {"/etc/kernel/cmdline", "root=/dev/sda2 rw\n"}}), {"a=b"},
               {})
          .remedy ==
      Remedy{Edit{{"/etc/kernel/cmdline", 1}, "root=/dev/sda2 rw", "root=/dev/sda2 rw a=b"}, run});
  const auto nowhere = obstacle(limine({{path, "X=1\n"}}), {"a=b"}, {});
  REQUIRE(nowhere.remedy.size() == 1);
  CHECK(std::holds_alternative<Manual>(nowhere.remedy.front()));
}

TEST_CASE("limine-entry-tool loses a parameter in the line that has it") {
  const std::string path = "/etc/default/limine";
  const auto found = obstacle(
      limine({{path, "# a=b\nKERNEL_CMDLINE[default]+=\"a=b quiet\"\nZ=\"a=bc\"\n"}}), {}, {"a=b"});
  CHECK(found.remedy == Remedy{Edit{{path, 2},
                                    "KERNEL_CMDLINE[default]+=\"a=b quiet\"",
                                    "KERNEL_CMDLINE[default]+=\"quiet\""},
                               Run{{{"limine-mkinitcpio"}}, true}});
}

TEST_CASE("proxmox-boot-tool copies the kernel's command line file") {
  const auto tool = generator(EntryGenerator::Kind::proxmox_boot_tool,
                              {{"/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"}},
                              {"proxmox-boot-tool", "refresh"});
  CHECK(obstacle(tool, {"intel_iommu=on"}, {}).remedy ==
        Remedy{Edit{{"/etc/kernel/cmdline", 1},
                    "root=ZFS=rpool/ROOT/pve-1 boot=zfs",
                    "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on"},
               Run{{{"proxmox-boot-tool", "refresh"}}, true}});
  CHECK(name_of(BootLoader(tool)) == "proxmox-boot-tool");
}

TEST_CASE("A parameter is looked for among the words of lines that count") {
  CHECK(generator_has("KERNEL_CMDLINE[default]+=\"a=b c\"\n", "a=b"));
  CHECK(generator_has("root=x a=b", "a=b"));
  CHECK_FALSE(generator_has("# a=b\n", "a=b"));
  CHECK_FALSE(generator_has("KERNEL_CMDLINE[default]+=\"a=bc\"\n", "a=b"));
}

}  // namespace vfio_switch
