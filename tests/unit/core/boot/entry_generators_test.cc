// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/entry_generators.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/boot/limine_settings.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_file.h"
#include "core/boot/parameter_remedy.h"

namespace vfio_switch {

namespace {

using Files = std::vector<std::pair<std::string, std::string>>;
using Words = std::vector<std::string>;
using Kind = EntryGenerator::Kind;

constexpr const char* on = "intel_iommu=on";
const std::string defaults = "/etc/default/limine";
const std::string sdboot = "/etc/sdboot-manage.conf";
const std::string kernel = "/etc/kernel/cmdline";

EntryGenerator generator(Kind kind, const Files& files, Words command) {
  EntryGenerator made{.kind = kind, .settings = {}, .command = std::move(command)};
  for (const auto& [path, content] : files) {
    made.settings.push_back({syntax_of(path), path, RegularFile{content, 0644, 0, 0}});
  }
  return made;
}

EntryGenerator limine(const Files& files) {
  auto made = generator(Kind::limine_entry_tool, files, {"limine-mkinitcpio"});
  made.builds_images = true;
  return made;
}

EntryGenerator sdboot_manage(const Files& files, bool reads_drop_ins) {
  auto made = generator(Kind::sdboot_manage, files, {"sdboot-manage", "gen"});
  made.reads_drop_ins = reads_drop_ins;
  return made;
}

/// `before` with the files of `changes` as they are after them.
EntryGenerator applied(EntryGenerator before, const std::vector<FileChange>& changes) {
  for (const auto& change : changes) {
    const auto same = std::ranges::find(before.settings, change.path, &ParameterFile::path);
    if (std::holds_alternative<Absent>(change.after)) {
      if (same != before.settings.end()) before.settings.erase(same);
    } else if (same != before.settings.end()) {
      same->state = change.after;
    } else {
      before.settings.push_back({syntax_of(change.path), change.path, change.after});
    }
  }
  return before;
}

ParameterEdit edit_of(const EntryGenerator& generator, const Words& add, const Words& drop = {}) {
  auto edit = edit_generator(generator, add, drop);
  REQUIRE(edit);
  return std::move(*edit);
}

std::string content(const EntryGenerator& generator, const std::string& path) {
  const auto found = std::ranges::find(generator.settings, path, &ParameterFile::path);
  return found == generator.settings.end() ? "absent" : *content_of(*found);
}

}  // namespace

TEST_CASE("Where each tool that writes entries gets a parameter") {
  const std::string limine_file = "/etc/limine-entry-tool.d/zz-vfio-switch.conf";
  const std::string sdboot_file = "/etc/sdboot-manage.conf.d/zz-vfio-switch.conf";
  struct Row {
    std::string name;
    EntryGenerator tool;
    std::string path;
    std::string line;
  };
  const Row rows[] = {
      // limine-entry-tool.conf: += appends, so that a drop-in counts beside it.
      {"limine, appended", limine({{defaults, "KERNEL_CMDLINE[default]+=\"quiet rw\"\n"}}),
       limine_file, "KERNEL_CMDLINE[default]+=\" intel_iommu=on\"\n"},
      // A plain = drops what the drop-ins said.
      {"limine, replaced", limine({{defaults, "X=1\nKERNEL_CMDLINE[default]=\"quiet\"\nY=2\n"}}),
       defaults, "X=1\nKERNEL_CMDLINE[default]=\"quiet intel_iommu=on\"\nY=2\n"},
      // Without any such setting it reads this file, and a drop-in would make it lose root=.
      {"limine without settings", limine({{defaults, "X=1\n"}, {kernel, "root=/dev/sda2 rw\n"}}),
       kernel, "root=/dev/sda2 rw intel_iommu=on\n"},
      {"sdboot-manage", sdboot_manage({{sdboot, "LINUX_OPTIONS=\"quiet\"\n"}}, true), sdboot_file,
       "LINUX_OPTIONS+=\" intel_iommu=on\"\n"},
      {"sdboot-manage without drop-ins",
       sdboot_manage({{sdboot, "# LINUX_OPTIONS=\"\"\nLINUX_OPTIONS=\"quiet splash\" # mine\n"}},
                     false),
       sdboot, "# LINUX_OPTIONS=\"\"\nLINUX_OPTIONS=\"quiet splash intel_iommu=on\" # mine\n"},
      {"proxmox-boot-tool",
       generator(Kind::proxmox_boot_tool, {{kernel, "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"}},
                 {"proxmox-boot-tool", "refresh"}),
       kernel, "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n"},
      {"sdbootutil",
       generator(Kind::sdbootutil, {{kernel, "root=UUID=1 quiet\n"}},
                 {"sdbootutil", "update-all-entries"}),
       kernel, "root=UUID=1 quiet intel_iommu=on\n"},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const auto edit = edit_of(row.tool, {on});
    REQUIRE(edit.files.size() == 1);
    CHECK(edit.files.front().path == row.path);
    CHECK(edit.files.front().boot_parameters);
    const auto after = applied(row.tool, edit.files);
    CHECK(content(after, row.path).find(row.line) != std::string::npos);
    CHECK(generator_passes(after, on));
    CHECK_FALSE(generator_passes(row.tool, on));
    CHECK(edit.run.has_value() != row.tool.builds_images);
    if (edit.run) CHECK(edit.run->command == row.tool.command);
    // Twice is once, and removed it is as it was, byte for byte.
    CHECK(edit_of(after, {on}).files.empty());
    const auto back = applied(after, edit_of(after, {}, {on}).files);
    CHECK(back.settings == row.tool.settings);
  }
}

TEST_CASE("What a tool's ESPs hold is written anew by an undo") {
  const auto tool = generator(Kind::proxmox_boot_tool, {{kernel, "root=ZFS=a boot=zfs\n"}},
                              {"proxmox-boot-tool", "refresh"});
  CHECK(edit_of(tool, {on}).run->undo == tool.command);
  auto seen = generator(Kind::sdbootutil, {{kernel, "root=UUID=1\n"}}, {"sdbootutil"});
  seen.outputs = {{ParameterSyntax::boot_entry, "/boot/efi/loader/entries/a.conf",
                   RegularFile{"linux /k\noptions root=UUID=1\n", 0644, 0, 0}}};
  const auto edit = edit_of(seen, {on});
  CHECK(edit.run->undo.empty());
  CHECK(edit.run->outputs == Words{"/boot/efi/loader/entries/a.conf"});
  // The settings have it, and the entries that were made from them do not.
  CHECK(is_stale(BootLoader(applied(seen, edit.files)), on));
  CHECK_FALSE(is_stale(BootLoader(seen), on));
}

TEST_CASE("What is not understood is not edited") {
  // It takes the first line alone.
  const auto lines = generator(Kind::proxmox_boot_tool, {{kernel, "root=ZFS=a\nquiet\n"}},
                               {"proxmox-boot-tool", "refresh"});
  CHECK_FALSE(edit_generator(lines, {on}, {}));
  CHECK_FALSE(edit_generator(generator(Kind::sdbootutil, {}, {"sdbootutil"}), {on}, {}));
  CHECK_FALSE(edit_generator(limine({{defaults, "KERNEL_CMDLINE[default]=\"quiet\n"}}), {on}, {}));
  CHECK_FALSE(
      edit_generator(generator(Kind::limine_entry_tool, {{kernel, "root=a\n"}}, {}), {on}, {}));
}

TEST_CASE("A person edits the line that counts, and runs the tool") {
  const auto tool = limine({{defaults, "KERNEL_CMDLINE[default]+=\"quiet a=b\"\n"}});
  CHECK(parameter_remedy(BootLoader(tool), {}, {"a=b"}) ==
        Remedy{Edit{{defaults, 1},
                    "KERNEL_CMDLINE[default]+=\"quiet a=b\"",
                    "KERNEL_CMDLINE[default]+=\"quiet\""},
               Run{{{"limine-mkinitcpio"}}, true}});
}

TEST_CASE("limine-entry-tool's settings are lines, and no shell") {
  const std::string text =
      "# KERNEL_CMDLINE[default]+=\"a=b\"\nKERNEL_CMDLINE[linux-lts]+=\"a=b\"\n"
      "KERNEL_CMDLINE[default]+='c'\n";
  CHECK_FALSE(limine_settings_have(text, "a=b"));
  CHECK(limine_settings_have(text, "c"));
  CHECK(add_limine_parameter(text, "a=b") ==
        "# KERNEL_CMDLINE[default]+=\"a=b\"\nKERNEL_CMDLINE[linux-lts]+=\"a=b\"\n"
        "KERNEL_CMDLINE[default]+='c a=b'\n");
  CHECK_FALSE(limine_settings_have("KERNEL_CMDLINE[default]+=a\nKERNEL_CMDLINE[default]=b\n", "a"));
  // A comment behind a value is a comment.
  const std::string commented = "KERNEL_CMDLINE[default]+=\"quiet\" # a=b\n";
  CHECK_FALSE(limine_settings_have(commented, "a=b"));
  CHECK(limine_settings_have(commented, "quiet"));
  CHECK(add_limine_parameter(commented, "a=b") == "KERNEL_CMDLINE[default]+=\"quiet a=b\" # a=b\n");
  CHECK(remove_limine_parameter("KERNEL_CMDLINE[default]+=\"quiet a=b\" # a=b\n", "a=b") ==
        commented);
  CHECK_FALSE(limine_settings_say("# KERNEL_CMDLINE[default]=b\nX=1\n"));
}

}  // namespace vfio_switch
