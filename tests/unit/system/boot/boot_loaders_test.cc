// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/boot_loaders.h"

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catch.h"
#include "core/boot/drop_in.h"
#include "core/boot/grub_settings.h"
#include "core/boot/parameter_edit.h"
#include "core/files/own_paths.h"
#include "system/temporary_root.h"
#include "told.h"

namespace vfio_switch {

using test::has_text;
using test::TemporaryRoot;
using test::text_of;
using test::value_of;

namespace {

using Parameters = std::vector<std::string>;

const std::string on = "intel_iommu=on";
const std::string variables = "/sys/firmware/efi/efivars/";
const std::string guid = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// A root with one boot loader or several.
class BootRoot : public TemporaryRoot {
 public:
  [[nodiscard]] BootLoader loader() const { return find_boot_loader(*reader()); }

  /// The firmware knows who started the system.
  void started_by(const std::string& name) const {
    std::string value(4, '\x06');
    for (const char c : name + '\0') value += {c, '\0'};
    write(variables + "LoaderInfo" + guid, value);
  }

  void grub(const std::string& settings = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n") const {
    write(std::string(grub_settings_path), settings);
    write("/boot/grub/grub.cfg", "linux /vmlinuz root=/dev/sda1 ro quiet\n");
    write("/usr/sbin/grub-mkconfig", "#!/bin/sh\n. ${sysconfdir}/default/grub\n");
    std::filesystem::permissions(outside("/usr/sbin/grub-mkconfig"),
                                 std::filesystem::perms::owner_all);
  }

  void reads_drop_ins() const {
    write("/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n");
    write("/usr/sbin/update-grub", "exec grub-mkconfig -o /boot/grub/grub.cfg\n");
  }

  void entry(const std::string& name, const std::string& options = "root=/dev/sda1 ro",
             const std::string& where = "/boot") const {
    write(where + "/loader/entries/" + name + ".conf",
          "title Linux\nlinux /vmlinuz\noptions " + options + "\n");
  }

  /// Carries out the file changes of an edit.
  void apply(const ParameterEdit& edit) const {
    const auto files = store();
    for (const auto& change : edit.files) {
      std::filesystem::create_directories(outside(change.path).parent_path());
      value_of(files->replace(change.path, change.after));
    }
  }
};

ParameterEdit edit_of(const BootLoader& loader, const Parameters& add,
                      const Parameters& drop = {}) {
  auto edit = edit_parameters(loader, add, drop);
  if (!edit) FAIL("unexpected: " << text_of(edit.error().reason));
  return std::move(*edit);
}

std::string advice_of(const BootLoader& loader, const Parameters& add) {
  const auto edit = edit_parameters(loader, add, {});
  if (edit) FAIL("an explanation was expected");
  return text_of(edit.error().reason) + "\n" + text_of(edit.error().remedy);
}

/// Adding to the files of `root`, and taking out again, gives every byte back; in between the boot
/// loader has it.
void check_round_trip(const BootRoot& root, const std::vector<std::string>& paths) {
  std::vector<std::string> before;
  for (const auto& path : paths) before.push_back(root.content(path));
  REQUIRE_FALSE(has_parameter(root.loader(), on));
  const auto edit = edit_of(root.loader(), {on});
  CHECK(edit.files.size() == paths.size());
  root.apply(edit);
  CHECK(has_parameter(root.loader(), on));
  CHECK(edit_of(root.loader(), {on}).files.empty());
  root.apply(edit_of(root.loader(), {}, {on}));
  for (std::size_t i = 0; i < paths.size(); ++i) CHECK(root.content(paths[i]) == before[i]);
}

}  // namespace

TEST_CASE("GRUB gets a drop-in where its generator reads one, and nothing else changes") {
  const BootRoot root;
  root.grub();
  root.reads_drop_ins();
  const auto loader = root.loader();
  REQUIRE(std::holds_alternative<Grub>(loader));
  const auto edit = edit_of(loader, {on});
  REQUIRE(edit.files.size() == 1);
  CHECK(edit.files[0].path == grub_drop_in_path);
  CHECK(edit.files[0].boot_parameters);
  REQUIRE(edit.run);
  CHECK(edit.run->command == Parameters{"update-grub"});
  CHECK(edit.run->outputs == Parameters{"/boot/grub/grub.cfg", "/boot/grub/grub.cfg.new"});

  root.apply(edit);
  CHECK(has_parameter(root.loader(), on));
  CHECK(is_stale(root.loader(), on));
  const auto both = edit_of(root.loader(), {"iommu=pt"});
  REQUIRE(both.files.size() == 1);
  const auto after = std::get<RegularFile>(both.files[0].after).content;
  CHECK(drop_in_parameters(grub_drop_in(), after) == Parameters{on, "iommu=pt"});
  const auto none = edit_of(root.loader(), {}, {on});
  REQUIRE(none.files.size() == 1);
  CHECK(std::holds_alternative<Absent>(none.files[0].after));
  CHECK_FALSE(none.run);  // grub.cfg never had it

  root.write("/boot/grub/grub.cfg", "linux /vmlinuz ro intel_iommu=on\n");
  CHECK_FALSE(is_stale(root.loader(), on));
  CHECK(edit_of(root.loader(), {}, {on}).run);
}

TEST_CASE("A drop-in of GRUB's that was edited is edited like somebody else's file") {
  const BootRoot root;
  root.grub();
  root.reads_drop_ins();
  const std::string mine = "# mine\nGRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT a\"\n";
  root.write(std::string(grub_drop_in_path), mine);
  root.write(std::string(grub_settings_path), "GRUB_TIMEOUT=5\n");
  check_round_trip(root, {std::string(grub_settings_path), std::string(grub_drop_in_path)});
}

TEST_CASE("Without a directory of drop-ins one variable of GRUB's settings is edited") {
  const std::string settings =
      GENERATE("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", "GRUB_CMDLINE_LINUX='rhgb quiet'",
               "# GRUB_CMDLINE_LINUX_DEFAULT=\"a\"\n",
               "GRUB_CMDLINE_LINUX_DEFAULT=\"a \\\n  b\"\n\n# by hand\nGRUB_CMDLINE_LINUX=\n", "");
  CAPTURE(settings);
  const BootRoot root;
  root.grub(settings);
  check_round_trip(root, {std::string(grub_settings_path)});
  const auto edit = edit_of(root.loader(), {on});
  REQUIRE(edit.run);
  CHECK(edit.run->command == Parameters{"grub-mkconfig", "-o", "/boot/grub/grub.cfg"});
}

TEST_CASE("Mode and owner of a file stay as they are") {
  const BootRoot root;
  root.grub();
  std::filesystem::permissions(root.outside(std::string(grub_settings_path)),
                               std::filesystem::perms::owner_read);
  root.apply(edit_of(root.loader(), {on}));
  CHECK(std::filesystem::status(root.outside(std::string(grub_settings_path))).permissions() ==
        std::filesystem::perms::owner_read);
}

TEST_CASE("What GRUB's settings say is found with its line") {
  const BootRoot root;
  root.grub("# amd_iommu=off\nGRUB_CMDLINE_LINUX=\"amd_iommu=off\"\n");
  CHECK(where_set(root.loader(), "amd_iommu=off") == Place{"/etc/default/grub", 2});
  CHECK_FALSE(where_set(root.loader(), "iommu=off"));  // the end of another word
  CHECK_FALSE(where_set(root.loader(), "iommu=pt"));
}

TEST_CASE("GRUB that cannot be changed says what to do by hand") {
  const BootRoot root;
  root.grub();
  SECTION("its generator is not installed") {
    std::filesystem::remove(root.outside("/usr/sbin/grub-mkconfig"));
    CHECK_THAT(advice_of(root.loader(), {on}), has_text("/boot/grub/grub.cfg is not installed"));
  }
  SECTION("its settings are missing") {
    std::filesystem::remove(root.outside(std::string(grub_settings_path)));
    CHECK_THAT(advice_of(root.loader(), {on}), has_text("/etc/default/grub does not exist"));
  }
  SECTION("its settings are a symbolic link") {
    std::filesystem::remove(root.outside(std::string(grub_settings_path)));
    root.link(std::string(grub_settings_path), "/etc/grub.mine");
    CHECK_THAT(advice_of(root.loader(), {on}), has_text("/etc/default/grub is not a regular file"));
  }
  SECTION("its settings cannot be understood") {
    root.write(std::string(grub_settings_path), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\n");
    CHECK_THAT(advice_of(root.loader(), {on}),
               has_text("has no line that intel_iommu=on could be added to"));
  }
}

TEST_CASE("Every entry of systemd-boot that starts a kernel gets the parameter") {
  const BootRoot root;
  root.entry("id-6.1");
  root.entry("id-6.12", "root=/dev/sda1 ro  quiet -- single");
  root.entry("id-0-rescue");
  root.write("/boot/loader/entries/windows.conf", "title x\nefi /w.efi\n");
  CHECK(std::holds_alternative<BootEntries>(root.loader()));
  SECTION("where later kernels have no template, none is made") {
    check_round_trip(root,
                     {"/boot/loader/entries/id-6.1.conf", "/boot/loader/entries/id-6.12.conf"});
    CHECK_FALSE(root.reader()->exists("/etc/kernel/cmdline"));
  }
  SECTION("and so does what later kernels' are made from") {
    root.write("/etc/kernel/cmdline", "root=/dev/sda1\n# mine\nro\n");
    check_round_trip(root, {"/boot/loader/entries/id-6.1.conf", "/boot/loader/entries/id-6.12.conf",
                            "/etc/kernel/cmdline"});
  }
  SECTION("on another partition too") {
    root.entry("id-6.13", "ro", "/efi");
    check_round_trip(root, {"/boot/loader/entries/id-6.1.conf", "/boot/loader/entries/id-6.12.conf",
                            "/efi/loader/entries/id-6.13.conf"});
  }
}

TEST_CASE("A unified image's command line is a file that is there already, or is left to people") {
  const BootRoot root;
  root.write(variables + "StubInfo" + guid, "stub");
  SECTION("/etc/kernel/cmdline") {
    root.write("/etc/kernel/cmdline", "root=/dev/sda1 ro\n");
    root.write("/etc/cmdline.d/a.conf", "quiet\n");
    check_round_trip(root, {"/etc/kernel/cmdline"});
  }
  SECTION("/etc/cmdline.d") {
    root.write("/etc/cmdline.d/a.conf", "# nothing yet\n");
    root.write("/etc/cmdline.d/root.conf", "root=/dev/sda1\n");
    check_round_trip(root, {"/etc/cmdline.d/root.conf"});
  }
  SECTION("no such file: none is made that would hold ours alone") {
    root.write("/etc/kernel/cmdline", "# nothing\n");
    const auto advice = advice_of(root.loader(), {on});
    CHECK_THAT(advice,
               has_text("Write the whole kernel command line, with root= and intel_iommu=on, to "
                        "/etc/kernel/cmdline, and rebuild the image.\n"));
  }
  CHECK(std::holds_alternative<UnifiedImage>(root.loader()));
}

TEST_CASE("grubby changes the entries where GRUB reads them") {
  const BootRoot root;
  root.grub("GRUB_ENABLE_BLSCFG=true\nGRUB_CMDLINE_LINUX=\"rhgb\"\n");
  root.entry("id-6.1");
  root.write("/boot/grub2/grubenv", "# GRUB\n");
  SECTION("it is installed") {
    root.write("/usr/sbin/grubby", "");
    REQUIRE(std::holds_alternative<Grubby>(root.loader()));
    const auto edit = edit_of(root.loader(), {on, "iommu=pt"});
    CHECK(edit.files.empty());
    REQUIRE(edit.run);
    CHECK(edit.run->command ==
          Parameters{"grubby", "--update-kernel=ALL", "--args=intel_iommu=on iommu=pt"});
    CHECK(edit.run->outputs == Parameters{"/boot/loader/entries/id-6.1.conf", "/boot/grub2/grubenv",
                                          "/etc/default/grub"});
    const auto back = edit_of(root.loader(), {}, {on});
    REQUIRE(back.run);
    CHECK(back.run->command.back() == "--remove-args=intel_iommu=on");
  }
  SECTION("it would replace a parameter of the same name") {
    root.write("/usr/sbin/grubby", "");
    root.entry("id-6.12", "ro intel_iommu=igfx_off");
    CHECK_THAT(
        advice_of(root.loader(), {on}),
        has_text("have intel_iommu=igfx_off, which grubby would replace with intel_iommu=on"));
  }
  SECTION("it is not installed: the entries are edited") {
    REQUIRE(std::holds_alternative<BootEntries>(root.loader()));
    check_round_trip(root, {"/boot/loader/entries/id-6.1.conf"});
  }
}

TEST_CASE("rpm-ostree changes and takes back by a command") {
  const BootRoot root;
  root.grub("GRUB_ENABLE_BLSCFG=true\n");
  root.entry("ostree-1");
  root.write("/run/ostree-booted", "");
  root.write("/usr/bin/rpm-ostree", "");
  REQUIRE(std::holds_alternative<RpmOstree>(root.loader()));
  const auto edit = edit_of(root.loader(), {on}, {"iommu=pt"});
  CHECK(edit.files.empty());
  REQUIRE(edit.run);
  CHECK(edit.run->command == Parameters{"rpm-ostree", "kargs", "--append-if-missing=intel_iommu=on",
                                        "--delete-if-present=iommu=pt"});
  CHECK(edit.run->undo == Parameters{"rpm-ostree", "kargs", "--delete-if-present=intel_iommu=on",
                                     "--append-if-missing=iommu=pt"});
  const auto deploy = [&](const std::string& number, const std::string& words) {
    root.write("/boot/loader/entries/ostree-" + number + ".conf",
               "version " + number + "\nlinux /vmlinuz\noptions " + words + "\n");
  };
  deploy("2", "ro intel_iommu=on");
  CHECK(has_parameter(root.loader(), on));
  deploy("10", "ro");  // the newest, which starts next
  CHECK_FALSE(has_parameter(root.loader(), on));
  CHECK_FALSE(where_set(root.loader(), on));
}

TEST_CASE("bootc's container image says what kernels get") {
  const BootRoot root;
  root.grub("GRUB_ENABLE_BLSCFG=true\n");
  root.entry("ostree-1");
  root.write("/run/ostree-booted", "");
  root.write("/usr/bin/bootc", "");
  SECTION("with rpm-ostree that is asked") {
    root.write("/usr/bin/rpm-ostree", "");
    CHECK(std::holds_alternative<RpmOstree>(root.loader()));
  }
  SECTION("alone") {
    REQUIRE(std::holds_alternative<Bootc>(root.loader()));
    const auto advice = advice_of(root.loader(), {on});
    CHECK_THAT(advice, has_text("bootc takes kernel parameters from the container image"));
    CHECK_THAT(advice, has_text("Add this line to /usr/lib/bootc/kargs.d/50-vfio-switch.toml:"));
    CHECK_THAT(advice, has_text("kargs = [\"intel_iommu=on\"]"));
    CHECK_THAT(advice, has_text("bootc upgrade"));
    root.entry("ostree-2", "ro intel_iommu=on");
    CHECK(has_parameter(root.loader(), on));
  }
  SECTION("on a system that has no deployment it counts for nothing") {
    std::filesystem::remove(root.outside("/run/ostree-booted"));
    CHECK_FALSE(std::holds_alternative<Bootc>(root.loader()));
  }
}

TEST_CASE("kernelstub writes its entries from its configuration") {
  const std::string settings = "/etc/kernelstub/configuration";
  const std::string text =
      "{\"user\":{\"kernel_options\":[\"quiet\"],\"setup_loader\":true,\"manage_mode\":true}}";
  const BootRoot root;
  root.entry("Pop_OS-current", "root=UUID=1 ro quiet", "/boot/efi");
  root.entry("Pop_OS-oldkern", "root=UUID=1 ro quiet", "/boot/efi");
  root.entry("Recovery-1234-5678", "ro", "/boot/efi");
  root.write(settings, text);
  const auto entries = Parameters{"/boot/efi/loader/entries/Pop_OS-current.conf",
                                  "/boot/efi/loader/entries/Pop_OS-oldkern.conf", settings};
  SECTION("without the program it is nobody's") {
    CHECK(std::holds_alternative<BootEntries>(root.loader()));
  }
  SECTION("its own entries") {
    root.write("/usr/bin/kernelstub", "");
    check_round_trip(root, {settings});
    const auto edit = edit_of(root.loader(), {on});
    REQUIRE(edit.run);
    CHECK(edit.run->command == Parameters{"kernelstub"});
    CHECK(edit.run->outputs == entries);
    CHECK(edit.run->undo.empty());
    root.apply(edit);
    CHECK(is_stale(root.loader(), on));
    root.entry("Pop_OS-current", "root=UUID=1 ro quiet intel_iommu=on", "/boot/efi");
    CHECK_FALSE(is_stale(root.loader(), on));  // the recovery system's is not its work
  }
  SECTION("the firmware's entries are taken back by the program") {
    root.write("/usr/bin/kernelstub", "");
    root.write(settings, "{\"user\":{\"kernel_options\":[],\"manage_mode\":false}}");
    const auto edit = edit_of(root.loader(), {on});
    REQUIRE(edit.run);
    CHECK(edit.run->outputs.empty());
    CHECK(edit.run->undo == Parameters{"kernelstub"});
  }
  SECTION("where it writes no entries, or another loader starts, they are not its") {
    root.write("/usr/bin/kernelstub", "");
    if (GENERATE(true, false)) {
      root.write(settings, "{\"user\":{\"setup_loader\":false,\"manage_mode\":true}}");
      CHECK(std::holds_alternative<BootEntries>(root.loader()));
    } else {
      root.started_by("rEFInd 0.14");
      root.write("/boot/refind_linux.conf", "\"x\" \"root=a\"\n");
      CHECK(std::holds_alternative<Refind>(root.loader()));
    }
  }
  SECTION("its defaults, until it has written a configuration") {
    root.write("/usr/bin/kernelstub", "");
    std::filesystem::remove(root.outside(settings));
    const std::string defaults = "/etc/default/kernelstub";
    root.write(defaults, "{\"default\":{\"kernel_options\":\"quiet loglevel=0\"}}");
    check_round_trip(root, {defaults});
    CHECK(edit_of(root.loader(), {on}).run->outputs == entries);
  }
}

TEST_CASE("u-boot-update writes extlinux.conf") {
  const std::string defaults = "/etc/default/u-boot";
  const std::string kernel = "/etc/kernel/cmdline";
  const BootRoot root;
  root.write("/boot/extlinux/extlinux.conf",
             "## Do not edit this file manually, use: u-boot-update\nlabel l0\n\tlinux "
             "/boot/vmlinuz-6.1\n\tappend root=a ro quiet\n");
  root.write(defaults, "#U_BOOT_PARAMETERS=\"ro quiet\"\n");
  root.write("/usr/sbin/u-boot-update",
             "for file in /usr/share/u-boot-menu/conf.d/*.conf /etc/u-boot-menu/conf.d/*.conf\n");
  const auto generator = [&] {
    const auto loader = root.loader();
    REQUIRE(std::holds_alternative<EntryGenerator>(loader));
    return std::get<EntryGenerator>(loader);
  };
  SECTION("a drop-in of ours") {
    const auto edit = edit_of(generator(), {on});
    REQUIRE(edit.files.size() == 1);
    CHECK(edit.files[0].path == u_boot_drop_in_path);
    root.apply(edit);
    CHECK(has_parameter(root.loader(), on));
    CHECK(is_stale(root.loader(), on));
    const auto back = edit_of(generator(), {}, {on});
    REQUIRE(back.files.size() == 1);
    CHECK(std::holds_alternative<Absent>(back.files[0].after));
  }
  SECTION("the kernel's file, which counts where nothing else says anything") {
    root.write(kernel, "root=a ro\n");
    check_round_trip(root, {kernel});
    root.write(defaults, "U_BOOT_PARAMETERS=\"ro\"\n");
    CHECK(edit_of(generator(), {on}).files.at(0).path == u_boot_drop_in_path);
  }
  SECTION("conf.d is sourced after the defaults") {
    root.write("/usr/share/u-boot-menu/conf.d/a.conf", "U_BOOT_PARAMETERS=quiet\n");
    root.write("/etc/u-boot-menu/conf.d/b.conf", "U_BOOT_TIMEOUT=1\n");
    root.write(kernel, "root=a ro\n");
    std::vector<std::string> paths;
    for (const auto& file : generator().settings) paths.push_back(file.path);
    CHECK(paths == Parameters{defaults, "/usr/share/u-boot-menu/conf.d/a.conf",
                              "/etc/u-boot-menu/conf.d/b.conf"});
  }
  SECTION("an older one has no such directories") {
    root.write("/usr/sbin/u-boot-update", ". /etc/default/u-boot\n");
    check_round_trip(root, {defaults});
  }
  SECTION("one that is switched off, or a menu of somebody's own, is left to people") {
    if (GENERATE(true, false)) {
      root.write(defaults, "U_BOOT_UPDATE=\"false\"\n");
    } else {
      root.write("/boot/extlinux/extlinux.conf", "label l0\n\tlinux /vmlinuz\n");
    }
    CHECK(std::holds_alternative<UnknownLoader>(root.loader()));
  }
  SECTION("beside GRUB nothing tells which of them starts") {
    root.grub();
    CHECK_THAT(advice_of(root.loader(), {on}), has_text("GRUB and u-boot-update are set up"));
    root.started_by("GRUB 2.12");
    CHECK(std::holds_alternative<Grub>(root.loader()));
  }
}

TEST_CASE("proxmox-boot-tool copies to ESPs that are not mounted") {
  const std::string kernel = "/etc/kernel/cmdline";
  const Parameters refresh = {"proxmox-boot-tool", "refresh"};
  const BootRoot root;
  root.grub();
  root.reads_drop_ins();
  root.write("/etc/kernel/proxmox-boot-uuids", "A1B2-C3D4\n");
  root.write("/usr/sbin/proxmox-boot-tool", "");
  SECTION("systemd-boot gets the first line of a file") {
    root.started_by("systemd-boot 257");
    root.write(kernel, "root=ZFS=a boot=zfs\n");
    check_round_trip(root, {kernel});
    const auto edit = edit_of(root.loader(), {on});
    CHECK(edit.run->command == refresh);
    CHECK(edit.run->undo == refresh);
    root.write(kernel, "root=ZFS=a boot=zfs\nintel_iommu=on\n");
    CHECK_FALSE(has_parameter(root.loader(), on));
  }
  SECTION("without the file the running kernel's words are copied, which nobody can edit") {
    root.started_by("systemd-boot 257");
    CHECK_THAT(advice_of(root.loader(), {on}), has_text(kernel));
  }
  SECTION("GRUB goes by its own settings, and its menu is not the one in /boot") {
    root.write(kernel, "root=ZFS=a boot=zfs\n");
    root.started_by("GRUB 2.12");
    if (GENERATE(true, false)) {
      // A version that does not tell the firmware; systemd-boot always does.
      std::filesystem::remove(root.outside(variables + "LoaderInfo" + guid));
      root.write(variables + "BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", "x");
    }
    const auto edit = edit_of(root.loader(), {on});
    CHECK(edit.files.at(0).path == grub_drop_in_path);
    CHECK(edit.run->command == refresh);
    CHECK(edit.run->undo == refresh);
    CHECK(edit.run->outputs.empty());
    root.apply(edit);
    CHECK_FALSE(is_stale(root.loader(), on));
  }
}

TEST_CASE("For boot loaders that are left to people the exact line and its file are told") {
  const BootRoot root;
  SECTION("Limine") {
    root.write("/boot/limine.conf",
               "/Arch\n    protocol: linux\n    cmdline: root=a rw\n"
               "/Other\n    cmdline: root=b\n");
    CHECK_THAT(
        advice_of(root.loader(), {on}),
        has_text(
            "\nIn /boot/limine.conf:3, replace\n  cmdline: root=a rw\nwith\n  cmdline: root=a rw "
            "intel_iommu=on\nIn /boot/limine.conf:5, replace\n  cmdline: root=b\nwith\n"
            "  cmdline: root=b intel_iommu=on\n"));
    CHECK_FALSE(has_parameter(root.loader(), on));
    root.write("/boot/limine.conf", "cmdline: root=a intel_iommu=on\n");
    CHECK(has_parameter(root.loader(), on));
  }
  SECTION("Limine before version 8") {
    root.write("/boot/limine.cfg", ":Arch\nCMDLINE=root=a rw\n");
    CHECK_THAT(
        advice_of(root.loader(), {on}),
        has_text("In /boot/limine.cfg:2, replace\n  CMDLINE=root=a rw\nwith\n  CMDLINE=root=a rw "
                 "intel_iommu=on\n"));
  }
  SECTION("rEFInd") {
    root.write("/boot/refind_linux.conf",
               "# rEFInd\n\"Standard\" \"root=a ro\"\n\"Single\" \"root=a "
               "single\"\n");
    const auto advice = advice_of(root.loader(), {on});
    CHECK_THAT(
        advice,
        has_text("In /boot/refind_linux.conf:2, replace\n  \"Standard\" \"root=a ro\"\nwith\n"
                 "  \"Standard\" \"root=a ro intel_iommu=on\"\n"));
    CHECK_THAT(advice, !has_text("refind_linux.conf:3"));  // for repairs
  }
  SECTION("an unknown one") {
    CHECK_THAT(advice_of(root.loader(), {on}),
               has_text("no known boot loader was found\nAdd intel_iommu=on to the kernel command "
                        "line, in the boot loader's settings"));
  }
}

TEST_CASE("Of several boot loaders the one that started the system counts") {
  const BootRoot root;
  root.grub();
  root.entry("id-6.1");
  SECTION("nothing tells which") {
    CHECK_THAT(advice_of(root.loader(), {on}),
               has_text("GRUB and boot entries are set up, and which of them starts"));
  }
  SECTION("systemd-boot") {
    root.started_by("systemd-boot 252.39-1~deb12u1");
    CHECK(std::holds_alternative<BootEntries>(root.loader()));
  }
  SECTION("GRUB") {
    root.started_by("GRUB 2.12");
    CHECK(std::holds_alternative<Grub>(root.loader()));
  }
  SECTION("a unified image, whatever else there is") {
    root.write(variables + "StubInfo" + guid, "stub");
    CHECK(std::holds_alternative<UnifiedImage>(root.loader()));
  }
  SECTION("one that leaves another name") {
    root.started_by("Clover");
    CHECK(std::holds_alternative<UnknownLoader>(root.loader()));
  }
}

TEST_CASE("A disk that the TPM unlocks is named by its line") {
  const BootRoot root;
  const auto reader = root.reader();
  ForeignFiles others(*reader);
  CHECK(find_tpm_unlock(others) == std::nullopt);
  root.write("/etc/crypttab", "# a UUID=1 - tpm2-device=auto\nb UUID=2 none luks\n");
  CHECK(find_tpm_unlock(others) == std::nullopt);
  root.write("/etc/crypttab", "b UUID=2 none luks\na UUID=1 - tpm2-device=auto\n");
  CHECK(find_tpm_unlock(others) == Place{"/etc/crypttab", 2});
}

}  // namespace vfio_switch
