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
#include "core/boot/shell_settings.h"

namespace vfio_switch {

namespace {

using Files = std::vector<std::pair<std::string, std::string>>;
using Words = std::vector<std::string>;
using Kind = EntryGenerator::Kind;

constexpr const char* on = "intel_iommu=on";
const std::string defaults = "/etc/default/limine";
const std::string sdboot = "/etc/sdboot-manage.conf";
const std::string kernel = "/etc/kernel/cmdline";
const std::string kernelstub = "/etc/kernelstub/configuration";
const std::string u_boot_defaults = "/etc/default/u-boot";

EntryGenerator generator(Kind kind, const Files& files, Words command) {
  EntryGenerator made{.kind = kind, .settings = {}, .command = std::move(command)};
  const bool by_line = kind == Kind::proxmox_boot_tool || kind == Kind::u_boot_update;
  for (const auto& [path, content] : files) {
    const auto syntax = by_line && path == kernel ? ParameterSyntax::first_line : syntax_of(path);
    made.settings.push_back({syntax, path, RegularFile{content, 0644, 0, 0}});
  }
  return made;
}

EntryGenerator proxmox(const std::string& line) {
  return generator(Kind::proxmox_boot_tool, {{kernel, line}}, {"proxmox-boot-tool", "refresh"});
}

EntryGenerator u_boot(const Files& files, bool reads_drop_ins = true) {
  auto made = generator(Kind::u_boot_update, files, {"u-boot-update"});
  made.reads_drop_ins = reads_drop_ins;
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
  const std::string u_boot_file = "/etc/u-boot-menu/conf.d/zz-vfio-switch.conf";
  struct Row {
    std::string name;
    EntryGenerator tool;
    std::string path;
    std::string line;
  };
  const Row rows[] = {
      // limine-entry-tool.conf: += appends, so that a drop-in counts beside it.
      {"limine, appended", limine({{defaults, "KERNEL_CMDLINE[default]+=\"quiet rw\"\n"}}),
       limine_file, "KERNEL_CMDLINE[default]+=\" intel_iommu=on \"\n"},
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
      {"proxmox-boot-tool", proxmox("root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"), kernel,
       "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n"},
      // proxmox-boot/functions, get_first_line(): what follows is for nobody.
      {"proxmox-boot-tool, several lines", proxmox("root=ZFS=a\nintel_iommu=on\n"), kernel,
       "root=ZFS=a intel_iommu=on\nintel_iommu=on\n"},
      // u-boot-update: /etc/default/u-boot, then conf.d; what nobody has set is "ro quiet".
      {"u-boot-update", u_boot({{u_boot_defaults, "#U_BOOT_PARAMETERS=\"ro quiet\"\n"}}),
       u_boot_file, "U_BOOT_PARAMETERS=\"${U_BOOT_PARAMETERS:-ro quiet} intel_iommu=on\"\n"},
      {"u-boot-update without settings", u_boot({}), u_boot_file,
       "U_BOOT_PARAMETERS=\"${U_BOOT_PARAMETERS:-ro quiet} intel_iommu=on\"\n"},
      {"u-boot-update before conf.d", u_boot({{u_boot_defaults, "U_BOOT_PARAMETERS=ro\n"}}, false),
       u_boot_defaults, "U_BOOT_PARAMETERS=ro' intel_iommu=on'\n"},
      {"u-boot-update with the kernel's", u_boot({{u_boot_defaults, ""}, {kernel, "root=a ro\n"}}),
       kernel, "root=a ro intel_iommu=on\n"},
      {"kernelstub",
       generator(Kind::kernelstub,
                 {{kernelstub, "{\"user\":{\"kernel_options\":[\"quiet\",\"splash\"]}}\n"}},
                 {"kernelstub"}),
       kernelstub, "{\"user\":{\"kernel_options\":[\"quiet\",\"splash\",\"intel_iommu=on\"]}}\n"},
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
  // zz-proxmox-boot fails without root= in the first line.
  for (const auto* line : {"quiet\n", "\nroot=ZFS=a\n", "# root=ZFS=a\n", ""}) {
    CHECK_FALSE(edit_generator(proxmox(line), {on}, {}));
  }
  // With nothing else in it the line would hold ours alone: "ro quiet" would be gone.
  CHECK_FALSE(edit_generator(u_boot({{kernel, "root=a\n"}}), {on}, {}));
  CHECK_FALSE(edit_generator(u_boot({}, false), {on}, {}));
  CHECK_FALSE(edit_generator(generator(Kind::kernelstub, {{kernelstub, "{}"}}, {"x"}), {on}, {}));
  CHECK_FALSE(edit_generator(generator(Kind::sdbootutil, {}, {"sdbootutil"}), {on}, {}));
  CHECK_FALSE(edit_generator(limine({{defaults, "KERNEL_CMDLINE[default]=\"quiet\n"}}), {on}, {}));
  CHECK_FALSE(
      edit_generator(generator(Kind::limine_entry_tool, {{kernel, "root=a\n"}}, {}), {on}, {}));
}

TEST_CASE("What kernelstub and u-boot-update made shows whether they ran since") {
  const std::string entries = "/boot/efi/loader/entries/Pop_OS";
  const auto entry = [&](const std::string& which, const std::string& options) {
    const auto text = "linux /k\noptions root=UUID=1 ro " + options + "\n";
    return ParameterFile{ParameterSyntax::boot_entry, entries + which,
                         RegularFile{text, 0644, 0, 0}};
  };
  auto stub = generator(Kind::kernelstub,
                        {{kernelstub, "{\"user\":{\"kernel_options\":[\"intel_iommu=on\"]}}"}},
                        {"kernelstub"});
  // With one kernel it writes the first alone.
  stub.outputs = {entry("-current.conf", "intel_iommu=on"), entry("-oldkern.conf", "")};
  CHECK(has_parameter(BootLoader(stub), on));
  CHECK_FALSE(is_stale(BootLoader(stub), on));
  stub.outputs.front() = entry("-current.conf", "");
  CHECK(is_stale(BootLoader(stub), on));
  CHECK(parameter_value(BootLoader(stub), "", "intel_iommu") == "on");

  auto board = u_boot({{u_boot_defaults, "U_BOOT_PARAMETERS=\"ro intel_iommu=on\"\n"}});
  const std::string head = "label l0\n\tlinux /boot/vmlinuz-6.1\n\tappend root=a ro ";
  const auto menu = [&](const std::string& text) {
    board.outputs = {{ParameterSyntax::u_boot_settings, "/boot/extlinux/extlinux.conf",
                      RegularFile{text, 0644, 0, 0}}};
  };
  menu(head + "intel_iommu=on\n\nlabel l0r\n\tlinux /k\n\tappend intel_iommu=on single\n");
  CHECK_FALSE(is_stale(BootLoader(board), on));
  menu(head + "\n");
  CHECK(is_stale(BootLoader(board), on));
  CHECK(edit_of(board, {on}).run->outputs ==
        Words{"/boot/extlinux/extlinux.conf", "/boot/extlinux/extlinux.conf.tmp"});
  CHECK_FALSE(generator_passes(proxmox("root=a\nintel_iommu=on\n"), on));
  // What is sourced later replaces.
  CHECK_FALSE(
      generator_passes(u_boot({{u_boot_defaults, "U_BOOT_PARAMETERS=intel_iommu=on\n"},
                               {"/etc/u-boot-menu/conf.d/a.conf", "U_BOOT_PARAMETERS=ro\n"}}),
                       on));
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

TEST_CASE("No drop-in of ours is the first setting of limine-entry-tool: root= would be lost") {
  const Files elsewhere = {{"/etc/limine-entry-tool.conf", "ENABLE_UKI=yes\n"}};
  for (const auto& files : {Files(), elsewhere}) {
    CHECK_FALSE(
        edit_generator(generator(Kind::limine_entry_tool, files, {"limine-mkinitcpio"}), {on}, {}));
  }
}

TEST_CASE("An appended value begins a word of its own, and an empty one has no place of a word") {
  for (const std::string empty : {"KERNEL_CMDLINE[default]=\n", "KERNEL_CMDLINE[default]= # none\n",
                                  "KERNEL_CMDLINE[default]=", "KERNEL_CMDLINE[default]=\"\"\n"}) {
    INFO(empty);
    CHECK_FALSE(limine_settings_have(empty, on));
    const auto added = add_limine_parameter(empty, on);
    REQUIRE(added);
    CHECK(limine_settings_have(*added, on));
    CHECK(remove_limine_parameter(*added, on) == empty);
  }
  const std::string limine = "KERNEL_CMDLINE[default]=\"rw\"\nKERNEL_CMDLINE[default]+=\"\"\n";
  const auto added = add_limine_parameter(limine, on);
  CHECK(added == "KERNEL_CMDLINE[default]=\"rw\"\nKERNEL_CMDLINE[default]+=\" intel_iommu=on\"\n");
  CHECK(remove_limine_parameter(*added, on) == limine);

  const ShellSettings settings{{"LINUX_OPTIONS"}};
  const std::string shell = "LINUX_OPTIONS=\"rw\"\nLINUX_OPTIONS+=\"\"\n";
  const auto longer = add_parameter(settings, shell, on);
  CHECK(longer == "LINUX_OPTIONS=\"rw\"\nLINUX_OPTIONS+=\"\"' intel_iommu=on'\n");
  CHECK(remove_parameter(settings, *longer, on) == shell);
}

}  // namespace vfio_switch
