// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/boot_menu_reader.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <string>

#include "catch.h"
#include "core/boot/menu_cases.h"
#include "core/boot/pe_builder.h"
#include "system/boot/boot_files.h"
#include "system/boot/file_systems.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::le;
using test::pe_file;
using test::TemporaryRoot;
using test::utf16;

namespace {

std::string kernel(const std::string& release) {
  std::string image(0x600, '\0');
  image.replace(0x202, 4, "HdrS");
  image.replace(0x20e, 2, le(0x300, 2));
  const auto text = release + " (build@host) #1 SMP";
  image.replace(0x500, text.size(), text);
  return image;
}

/// The machine of a folder of tests/unit/core/boot/menus.
class MenuRoot : public TemporaryRoot {
 public:
  explicit MenuRoot(const std::string& name) {
    const test::MenuCase machine(name);
    for (const auto& [path, content] : machine.below("")) write(path, content);
  }

  void variable(const std::string& name, const std::string& text) const {
    write("/sys/firmware/efi/efivars/" + name + "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
          le(6, 4) + utf16(text) + le(0, 2));
  }

  [[nodiscard]] MachineMenu read() const { return read_boot_menu(*reader()); }
};

/// A reader to which some paths are forbidden, as to an ordinary user; the superuser who runs tests
/// is denied nothing.
class DenyingReader final : public FileReader {
 public:
  DenyingReader(const FileReader& files, std::set<std::string> denied)
      : files_(files), denied_(std::move(denied)) {}

  [[nodiscard]] bool is_running_system() const override { return false; }
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& path) const override {
    if (is_denied(path)) return error(path);
    return files_.read(path);
  }
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override {
    if (is_denied(path)) return error(path);
    return files_.list(path);
  }
  [[nodiscard]] Result<std::optional<FileStatus>> status(const std::string& path) const override {
    // The file itself can be seen, what is below a directory cannot.
    if (is_denied(path) && !denied_.contains(path)) return error(path);
    return files_.status(path);
  }
  [[nodiscard]] std::optional<std::string> read_link(const std::string& path) const override {
    return files_.read_link(path);
  }
  [[nodiscard]] Result<std::optional<UniqueFd>> open_file(const std::string& path) const override {
    if (is_denied(path)) return error(path);
    return files_.open_file(path);
  }
  [[nodiscard]] Result<std::optional<UniqueFd>> open_directory(
      const std::string& path) const override {
    if (is_denied(path)) return error(path);
    return files_.open_directory(path);
  }
  [[nodiscard]] Result<FileState> state(const std::string& path) const override {
    return files_.state(path);
  }
  [[nodiscard]] bool exists(const std::string& path) const override {
    return !is_denied(path) && files_.exists(path);
  }

 private:
  static std::unexpected<Error> error(const std::string& path) {
    return std::unexpected(Error{ErrorKind::permission, "cannot read " + path, {}, EACCES});
  }
  [[nodiscard]] bool is_denied(const std::string& path) const {
    for (const auto& one : denied_) {
      if (path == one || path.starts_with(one + "/")) return true;
    }
    return false;
  }

  const FileReader& files_;
  std::set<std::string> denied_;
};

BootEntry next_of(const MachineMenu& machine) {
  const auto index = next_entry(machine.menu);
  REQUIRE(index);
  return machine.menu.entries[*index];
}

std::string why_of(const MachineMenu& machine) {
  const auto why = why_not_known(machine.menu);
  return why ? describe(*why) : "known";
}

}  // namespace

TEST_CASE("GRUB's files are found on a separate /boot") {
  MenuRoot root("grub-debian");
  root.write("/etc/fstab",
             "UUID=1111-aaaa / ext4 defaults 0 1\nUUID=5555-bbbb /boot ext4 defaults\n");
  root.write("/boot/vmlinuz-6.12.95+deb13-amd64", kernel("6.12.95+deb13-amd64"));
  root.write("/boot/initrd.img-6.12.95+deb13-amd64", "image");
  root.write("/proc/cmdline",
             "BOOT_IMAGE=/vmlinuz-6.12.107+deb13-amd64 root=UUID=1111-aaaa ro quiet\n");
  root.write("/proc/sys/kernel/osrelease", "6.12.107+deb13-amd64\n");
  const auto machine = root.read();
  CHECK(machine.loader.kind == LoaderKind::grub);
  const auto entry = next_of(machine);
  CHECK(entry.kernel->at == "/boot/vmlinuz-6.12.95+deb13-amd64");
  CHECK(entry.initrds.front().at == "/boot/initrd.img-6.12.95+deb13-amd64");
  CHECK(entry.release == "6.12.95+deb13-amd64");
  CHECK(entry.unknown.empty());
  // The other kernel was removed, and its entries are still there.
  const std::vector<BootUnknown> missing = {
      {BootUnknownCode::missing, "/boot/vmlinuz-6.12.107+deb13-amd64"},
      {BootUnknownCode::missing, "/boot/initrd.img-6.12.107+deb13-amd64"}};
  CHECK(machine.menu.entries[0].unknown == missing);
  CHECK(machine.menu.entries[0].kernel->at.empty());
  CHECK(machine.this_boot == 0U);
}

TEST_CASE("Paths of btrfs begin at the top of the file system") {
  MenuRoot root("grub-arch-btrfs");
  root.write("/boot/vmlinuz-linux", kernel("6.17.8-arch1-1"));
  root.write("/boot/intel-ucode.img", "ucode");
  root.write("/boot/initramfs-linux.img", "image");
  for (const auto* fstab :
       {"UUID=1111 / btrfs rw,subvol=/@ 0 0\nUUID=1111 /home btrfs subvol=@home\n", ""}) {
    root.write("/etc/fstab", fstab);
    const auto entry = next_of(root.read());
    CHECK(entry.kernel->at == "/boot/vmlinuz-linux");
    CHECK(entry.initrds[1].at == "/boot/initramfs-linux.img");
    CHECK(entry.release == "6.17.8-arch1-1");
    CHECK(entry.unknown.empty());
  }
}

TEST_CASE("A default subvolume is where openSUSE's paths begin") {
  MenuRoot root("grub-opensuse");
  root.write("/etc/fstab", "UUID=9999 / btrfs subvol=/@/.snapshots/1/snapshot 0 0\n");
  root.write("/boot/vmlinuz-6.10.4-1-default", kernel("6.10.4-1-default"));
  const auto entry = next_of(root.read());
  CHECK(entry.kernel->at == "/boot/vmlinuz-6.10.4-1-default");
  CHECK(entry.release == "6.10.4-1-default");
}

TEST_CASE("Two module trees, two entries, each kernel says its release") {
  MenuRoot root("grub-fedora");
  root.write("/etc/fstab",
             "UUID=2222 / btrfs subvol=root 0 0\nUUID=5555 /boot ext4 defaults 1 2\n");
  root.write("/usr/lib/os-release", "ID=fedora\n");
  root.write("/boot/vmlinuz-6.14.3-300.fc42.x86_64", kernel("6.14.3-300.fc42.x86_64"));
  root.write("/boot/vmlinuz-0-rescue-0123", kernel("6.11.4-301.fc41.x86_64"));
  const auto machine = root.read();
  CHECK(next_of(machine).id == "0123-6.14.3-300.fc42.x86_64");
  CHECK(next_of(machine).release == "6.14.3-300.fc42.x86_64");
  CHECK(machine.menu.entries[2].release == "6.11.4-301.fc41.x86_64");
  CHECK(machine.menu.entries[2].kind == EntryKind::rescue);
}

TEST_CASE("systemd-boot's partitions are the ESP and XBOOTLDR") {
  MenuRoot root("sd-debian");
  root.variable("LoaderInfo", "systemd-boot 252.39-1~deb12u1");
  root.variable("LoaderEntryOneShot", "token-6.1.0-9-amd64.conf");
  root.write("/boot/TOKEN/6.1.0-9-amd64/linux", kernel("6.1.0-9-amd64"));
  root.make_directory("/efi/EFI/systemd");
  const auto machine = root.read();
  CHECK(machine.loader.kind == LoaderKind::systemd_boot);
  CHECK(machine.menu.entries.size() == 3);
  CHECK(next_of(machine).id == "TOKEN-6.1.0-9-amd64.conf");
  CHECK(next_of(machine).release == "6.1.0-9-amd64");
  CHECK(next_of(machine).is_once);
  REQUIRE(machine.menu.default_entry);
  CHECK(machine.menu.entries[*machine.menu.default_entry].id == "TOKEN-6.1.0-56-amd64.conf");
}

TEST_CASE("A unified image is an entry with its own command line and release") {
  TemporaryRoot root;
  root.write("/efi/loader/loader.conf", "default omarchy*\n");
  root.write("/efi/EFI/Linux/omarchy_linux.efi",
             pe_file({{".osrel", "ID=arch\nPRETTY_NAME=Omarchy\n"},
                      {".cmdline", "root=PARTUUID=81 rw"},
                      {".linux", kernel("6.17.8-arch1-1")}}));
  root.write("/efi/EFI/Linux/omarchy_linux.efi.extra.d/b.addon.efi",
             pe_file({{".cmdline", "two"}}));
  root.write("/efi/loader/addons/a.addon.efi", pe_file({{".cmdline", "one"}}));
  root.write("/efi/loader/addons/readme.txt", "x");
  root.write("/efi/EFI/Linux/broken.efi", "MZ");
  const auto machine = read_boot_menu(*root.reader());
  REQUIRE(machine.menu.entries.size() == 1);
  const auto entry = next_of(machine);
  CHECK(entry.id == "omarchy_linux.efi");
  CHECK(entry.unified_image->at == "/efi/EFI/Linux/omarchy_linux.efi");
  CHECK(entry.command_line == "root=PARTUUID=81 rw one two");
  CHECK(entry.release == "6.17.8-arch1-1");
  CHECK(entry.unknown.empty());
}

TEST_CASE("GRUB can start a unified image, and what is none is another loader") {
  MenuRoot root("grub-debian");
  root.write("/boot/grub/custom.cfg",
             "menuentry U --id uki {\n search --no-floppy --fs-uuid --set=root ABCD-1234\n"
             " chainloader /EFI/arch/arch.efi\n}\n"
             "menuentry V --id other {\n search --no-floppy --fs-uuid --set=root ABCD-1234\n"
             " chainloader /EFI/arch/other.efi\n}\n");
  root.write("/etc/fstab",
             "UUID=ABCD-1234 /boot/efi vfat umask=0077 0 1\nUUID=1111-aaaa / ext4 x\n");
  root.write(
      "/boot/efi/EFI/arch/arch.efi",
      pe_file(
          {{".osrel", "ID=arch\n"}, {".cmdline", "rw quiet"}, {".uname", "6.1"}, {".linux", "x"}}));
  root.write("/boot/efi/EFI/arch/other.efi", pe_file({{".text", "x"}}));
  const auto machine = root.read();
  const auto& entries = machine.menu.entries;
  INFO(test::menu_text(machine.menu));
  REQUIRE(entries.size() == 8);
  CHECK(entries[6].kind == EntryKind::usual);
  CHECK(entries[6].command_line == "rw quiet");
  CHECK(entries[6].release == "6.1");
  CHECK(entries[7].kind == EntryKind::foreign);
  CHECK_FALSE(entries[7].unified_image);
}

TEST_CASE("Entries of another system are foreign") {
  MenuRoot root("sd-debian");
  root.write("/etc/machine-id", "fedcba9876543210fedcba9876543210\n");
  for (const auto& entry : root.read().menu.entries) CHECK(entry.kind == EntryKind::foreign);
  root.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  for (const auto& entry : root.read().menu.entries) CHECK(entry.kind == EntryKind::usual);
  root.write("/etc/fstab",
             "UUID=4444 / ext4 defaults 0 1\nUUID=A /efi vfat x\nUUID=B /boot vfat x\n");
  for (const auto& entry : root.read().menu.entries) CHECK(entry.kind == EntryKind::foreign);
}

TEST_CASE("What an ordinary user may not read is not absent") {
  const MenuRoot fedora("grub-fedora");
  const auto files = fedora.reader();
  CHECK(why_of(read_boot_menu(DenyingReader(*files, {"/boot/loader/entries"}))) ==
        "/boot/grub2/grub.cfg:70: /boot/loader/entries cannot be read");
  CHECK(why_of(read_boot_menu(DenyingReader(*files, {"/boot/grub2/grubenv"}))) ==
        "the value of the variable 'default' is not known");
  CHECK(why_of(read_boot_menu(DenyingReader(*files, {"/boot/grub2/grub.cfg"}))) ==
        "/boot/grub2/grub.cfg cannot be read");

  MenuRoot debian("sd-debian");
  const auto reader = debian.reader();
  CHECK(why_of(read_boot_menu(DenyingReader(*reader, {"/boot/loader/entries"}))) ==
        "/boot/loader/entries cannot be read");
  CHECK(why_of(read_boot_menu(DenyingReader(*reader, {"/efi/loader/loader.conf"}))) ==
        "/efi/loader/loader.conf cannot be read");
  const std::string kernel = "/boot/TOKEN/6.1.0-56-amd64/linux";
  const auto machine = read_boot_menu(DenyingReader(*reader, {kernel}));
  CHECK(next_of(machine).id == "TOKEN-6.1.0-56-amd64.conf");
  CHECK(next_of(machine).unknown.back() == BootUnknown{BootUnknownCode::unreadable, kernel});
  CHECK_FALSE(next_of(machine).release);
}

TEST_CASE("An odd file is one unknown, and never the end") {
  MenuRoot root("sd-debian");
  const auto entries = root.outside("/boot/loader/entries").string();
  REQUIRE(::mkfifo((entries + "/fifo.conf").c_str(), 0600) == 0);
  root.make_directory("/boot/loader/entries/directory.conf");
  root.link("/boot/loader/entries/null.conf", "/dev/null");
  root.link("/boot/loader/entries/dangling.conf", "nowhere.conf");
  root.write("/boot/loader/entries/large.conf", std::string(2'000'000, 'x'));
  root.write("/efi/loader/loader.conf", "default TOKEN-6.1.0-56*\n");
  const auto machine = root.read();
  CHECK(next_of(machine).id == "TOKEN-6.1.0-56-amd64.conf");
  std::set<std::string> odd;
  for (const auto& entry : machine.menu.entries) {
    if (!entry.unknown.empty() && entry.unknown[0].code == BootUnknownCode::odd_file) {
      odd.insert(entry.id);
    }
  }
  CHECK(odd == std::set<std::string>{"fifo.conf", "directory.conf", "large.conf"});
  // A kernel that is a FIFO must not stop anything either.
  const auto linux = root.outside("/boot/TOKEN/6.1.0-56-amd64/linux");
  std::filesystem::remove(linux);
  REQUIRE(::mkfifo(linux.c_str(), 0600) == 0);
  CHECK_FALSE(next_of(root.read()).unknown.empty());
}

TEST_CASE("A loader whose menu is not read is named") {
  TemporaryRoot root;
  CHECK(why_of(read_boot_menu(*root.reader())) ==
        "the boot menu of an unknown boot loader cannot be read");
  root.write("/boot/extlinux/extlinux.conf", "default l0\nlabel l0\nlinux /boot/vmlinuz\n");
  CHECK(next_of(read_boot_menu(*root.reader())).id == "l0");
  root.write("/boot/grub/grub.cfg", "menuentry A { linux /k }\n");
  CHECK(why_of(read_boot_menu(*root.reader())) ==
        "GRUB and extlinux are set up, and which of them starts this system is not known");
}

TEST_CASE("A menu that no reader is there for is named") {
  TemporaryRoot root;
  root.write("/boot/efi/EFI/zbm/vmlinuz.EFI", "MZ");
  CHECK(why_of(read_boot_menu(*root.reader())) == "the boot menu of ZFSBootMenu cannot be read");
  TemporaryRoot other;
  other.write("/boot/refind_linux.conf", "\"Standard\" \"root=a\"\n");
  CHECK(why_of(read_boot_menu(*other.reader())) == "the boot menu of rEFInd cannot be read");
}

TEST_CASE("rEFInd's menu is read from the ESP and the directories that it scans") {
  MenuRoot root("refind-arch");
  const auto program = [](const std::string& release) {
    auto image = kernel(release);
    return image.replace(0, 2, "MZ");
  };
  root.write("/boot/vmlinuz-linux", program("6.12.8-arch1-1"));
  root.write("/boot/vmlinuz-linux-lts", "no EFI program");
  const auto machine = root.read();
  CHECK(machine.menu.loader == LoaderKind::refind);
  REQUIRE(machine.menu.entries.size() == 3);
  const auto& entry = machine.menu.entries[0];
  CHECK(entry.id == "vmlinuz-linux");
  CHECK(entry.release == "6.12.8-arch1-1");
  CHECK(entry.kernel->at == "/boot/vmlinuz-linux");
  CHECK(entry.initrds.at(1).at == "/boot/initramfs-linux.img");
  CHECK(entry.unknown.empty());
  // What was booted last is in a variable of the machine that the root is of.
  CHECK(why_of(machine) == "the value of the variable 'PreviousBoot' is not known");
  // Two of them, each with a menu of its own.
  root.write("/boot/EFI/BOOT/refind.conf", "timeout 1\n");
  CHECK(why_of(root.read()) ==
        "/boot/EFI/refind/refind.conf and /boot/EFI/BOOT/refind.conf are set up, and which of them "
        "starts this system is not known");
}

TEST_CASE("Stanzas that rEFInd shows before all else are known without its disks") {
  MenuRoot root("refind-manual");
  const auto machine = root.read();
  CHECK(next_of(machine).id == "Arch Linux");
}

TEST_CASE("Of two grub.cfg the stub on the ESP names the one that counts") {
  TemporaryRoot root;
  root.write("/boot/grub/grub.cfg", "menuentry Old { linux /vmlinuz }\n");
  root.write("/boot/grub2/grub.cfg", "menuentry New { linux /vmlinuz }\n");
  CHECK(why_of(read_boot_menu(*root.reader())).starts_with("/boot/grub/grub.cfg and"));
  root.write("/boot/efi/EFI/fedora/grub.cfg",
             "search --no-floppy --fs-uuid --set=dev 5555\nset prefix=($dev)/grub2\n"
             "export $prefix\nconfigfile $prefix/grub.cfg\n");
  CHECK(next_of(read_boot_menu(*root.reader())).title == "New");
}

TEST_CASE("Limine's menu is read, and an enrolled one cannot be edited") {
  MenuRoot root("limine-omarchy");
  root.variable("LoaderInfo", "Limine 10.3.0");
  root.make_directory("/boot/EFI/Linux");
  root.write("/boot/EFI/Linux/omarchy_linux.efi",
             pe_file({{".cmdline", "root=PARTUUID=81 rw quiet"},
                      {".uname", "6.17.8-arch1-1"},
                      {".linux", "x"}}));
  auto machine = root.read();
  CHECK(machine.loader.kind == LoaderKind::limine);
  const auto entry = next_of(machine);
  CHECK(entry.id == "Omarchy/linux");
  CHECK(entry.unified_image->at == "/boot/EFI/Linux/omarchy_linux.efi");
  CHECK(entry.command_line == "root=PARTUUID=81 rw quiet");
  CHECK(entry.release == "6.17.8-arch1-1");
  // Cut off while it was written: it is still what boots.
  root.write("/boot/EFI/Linux/omarchy_linux.efi", "MZ");
  const auto broken = next_of(root.read());
  CHECK(broken.kind == EntryKind::usual);
  CHECK(broken.unknown == std::vector<BootUnknown>{
                              {BootUnknownCode::malformed, "/boot/EFI/Linux/omarchy_linux.efi"}});
  const MenuRoot cachyos("limine-cachyos");
  CHECK(cachyos.read().menu.editor == MenuEditor::open);
  cachyos.write("/etc/default/limine", "ENABLE_ENROLL_LIMINE_CONFIG=yes\n");
  CHECK(cachyos.read().menu.editor == MenuEditor::locked);
}

TEST_CASE("Proxmox has its menu on partitions that are not mounted") {
  MenuRoot root("sd-proxmox");
  root.variable("LoaderInfo", "systemd-boot 252.39-1~deb12u1");
  root.write("/etc/kernel/proxmox-boot-uuids", "A1B2-C3D4\nE5F6-0718\n");
  root.write("/boot/grub/grub.cfg", "menuentry Wrong { linux /k }\n");
  auto machine = root.read();
  CHECK(machine.loader.tool == EntryTool::proxmox);
  CHECK(why_of(machine).find("A1B2-C3D4") != std::string::npos);
  MenuReaderOptions options;
  options.mounted_esps = {"/esp"};
  machine = read_boot_menu(*root.reader(), options);
  CHECK(next_of(machine).id == "proxmox-6.8.12-13-pve.conf");
  CHECK(next_of(machine).kernel->at == "/esp/EFI/proxmox/6.8.12-13-pve/vmlinuz-6.8.12-13-pve");
}

TEST_CASE("GRUB on Proxmox's partitions reads the menu that is there, and they must be alike") {
  TemporaryRoot root;
  root.write("/etc/kernel/proxmox-boot-uuids", "A1B2-C3D4\nE5F6-0718\n");
  root.write("/boot/grub/grub.cfg", "menuentry Wrong { linux /k }\n");
  root.write("/proc/cmdline",
             "BOOT_IMAGE=/vmlinuz-6.8.12-4-pve root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
  for (const std::string esp : {"/esp/A1B2-C3D4", "/esp/E5F6-0718"}) {
    root.write(esp + "/grub/grub.cfg",
               "menuentry 'Proxmox VE GNU/Linux' --id pve {\n"
               "  search --no-floppy --fs-uuid --set=root A1B2-C3D4\n"
               "  linux /vmlinuz-6.8.12-4-pve root=ZFS=rpool/ROOT/pve-1 boot=zfs ro quiet\n"
               "  initrd /initrd.img-6.8.12-4-pve\n}\n");
    root.write(esp + "/vmlinuz-6.8.12-4-pve", kernel("6.8.12-4-pve"));
    root.write(esp + "/initrd.img-6.8.12-4-pve", "image");
  }
  MenuReaderOptions options;
  options.mounted_esps = {"/esp/A1B2-C3D4", "/esp/E5F6-0718"};
  const auto entry = next_of(read_boot_menu(*root.reader(), options));
  CHECK(entry.id == "pve");
  CHECK(entry.release == "6.8.12-4-pve");
  REQUIRE(entry.initrds.size() == 1);
  CHECK(entry.initrds.front().at == "/esp/A1B2-C3D4/initrd.img-6.8.12-4-pve");
  // One that was not there when the other was written.
  root.write("/esp/E5F6-0718/initrd.img-6.8.12-4-pve", "an older one");
  CHECK(why_of(read_boot_menu(*root.reader(), options))
            .starts_with("/esp/A1B2-C3D4 and /esp/E5F6-0718 are set up"));
}

TEST_CASE("A staged deployment changes what boots next") {
  MenuRoot root("grub-fedora");
  root.write("/etc/fstab",
             "UUID=2222 / btrfs subvol=root 0 0\nUUID=5555 /boot ext4 defaults 1 2\n");
  CHECK(why_of(root.read()) == "known");
  root.write("/run/ostree/staged-deployment", "x");
  CHECK(why_of(root.read()).starts_with("a deployment is staged"));
}

TEST_CASE("A kernel that kexec loads starts without the menu") {
  MenuRoot root("grub-fedora");
  root.write("/etc/fstab",
             "UUID=2222 / btrfs subvol=root 0 0\nUUID=5555 /boot ext4 defaults 1 2\n");
  const std::string settings = "/etc/default/kexec";
  const std::string loaded = "/sys/kernel/kexec_loaded";
  const auto default_entry = root.read().menu.default_entry;
  REQUIRE(default_entry);
  SECTION("it is loaded") {
    root.write(loaded, "0\n");
    CHECK(why_of(root.read()) == "known");
    root.write(loaded, "1\n");
    CHECK(why_of(root.read()) ==
          "a kernel is loaded by kexec (/sys/kernel/kexec_loaded), and a reboot starts it without "
          "the boot menu");
    CHECK(root.read().menu.default_entry == default_entry);
  }
  SECTION("each reboot loads one") {
    root.write(loaded, "0\n");
    root.write("/usr/sbin/kexec", "program");
    root.write(settings, "LOAD_KEXEC=true\n");
    CHECK(why_of(root.read()).starts_with("/etc/default/kexec:1: with 'LOAD_KEXEC=true'"));
    root.write(settings + ".d/not.listed", "LOAD_KEXEC=false\n");
    CHECK(why_of(root.read()).starts_with("/etc/default/kexec:1: "));
    root.write(settings + ".d/listed", "LOAD_KEXEC=false\n");
    CHECK(why_of(root.read()) == "known");
  }
  SECTION("the settings alone load none: the package was removed") {
    root.write(loaded, "0\n");
    root.write(settings, "LOAD_KEXEC=true\n");
    CHECK(why_of(root.read()) == "known");
  }
  SECTION("nor does a kernel that cannot") {
    root.write("/usr/sbin/kexec", "program");
    root.write(settings, "LOAD_KEXEC=true\n");
    CHECK(why_of(root.read()) == "known");
  }
  SECTION("settings that may not be read may have one loaded") {
    root.write(loaded, "0\n");
    root.write("/usr/sbin/kexec", "program");
    root.write(settings, "LOAD_KEXEC=false\n");
    const auto reader = root.reader();
    CHECK(why_of(read_boot_menu(DenyingReader(*reader, {settings}))) ==
          "/etc/default/kexec cannot be read");
  }
}

TEST_CASE("A hibernated system resumes, whatever the menu says") {
  MenuRoot root("grub-fedora");
  root.write("/etc/fstab",
             "UUID=2222 / btrfs subvol=root 0 0\nUUID=5555 /boot ext4 defaults 1 2\n");
  CHECK(why_of(root.read()) == "known");
  root.write("/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67",
             le(7, 4) + utf16("{}") + le(0, 2));
  CHECK(
      why_of(root.read()) ==
      "the EFI variable HibernateLocation names a hibernated system, which the next boot resumes");
  root.write("/sys/kernel/kexec_loaded", "1\n");
  CHECK(why_of(root.read()).starts_with("a kernel is loaded by kexec"));
}

TEST_CASE("The firmware can start a kernel without any loader") {
  TemporaryRoot root;
  const std::string firmware = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  const std::string path = "/sys/firmware/efi/efivars/";
  const std::string guid("\x44\x33\x22\x11\x66\x55\x88\x77\x99\xaa\xbb\xcc\xdd\xee\xff\x00", 16);
  const auto name = utf16("\\vmlinuz-linux") + le(0, 2);
  const auto device = le(0x0104, 2) + le(42, 2) + le(1, 4) + le(0, 16) + guid + le(0x0202, 2) +
                      le(0x0404, 2) + le(4 + name.size(), 2) + name + le(0xff7f, 2) + le(4, 2);
  root.write(path + "Boot0001" + firmware,
             le(7, 4) + le(1, 4) + le(device.size(), 2) + utf16("Arch") + le(0, 2) + device +
                 utf16("root=/dev/sda2 rw initrd=\\initramfs-linux.img"));
  root.write(path + "BootOrder" + firmware, le(7, 4) + le(1, 2));
  root.write("/etc/fstab",
             "PARTUUID=11223344-5566-7788-99aa-bbccddeeff00 /boot vfat umask=0077 0 2\n");
  root.write("/boot/vmlinuz-linux", kernel("6.17.8-arch1-1"));
  root.write("/boot/initramfs-linux.img", "image");
  const auto machine = read_boot_menu(*root.reader());
  CHECK(machine.loader.kind == LoaderKind::efi_stub);
  const auto entry = next_of(machine);
  CHECK(entry.id == "Boot0001");
  CHECK(entry.kernel->at == "/boot/vmlinuz-linux");
  CHECK(entry.initrds.front().at == "/boot/initramfs-linux.img");
  CHECK(entry.command_line == "root=/dev/sda2 rw");
  CHECK(entry.release == "6.17.8-arch1-1");
}

TEST_CASE("The kind of a file is that of what a link leads to") {
  TemporaryRoot root;
  root.write("/file", "x");
  root.make_directory("/directory");
  root.link("/to-file", "file");
  root.link("/to-directory", "directory");
  root.link("/to-nothing", "nothing");
  root.link("/to-itself", "to-itself");
  REQUIRE(::mkfifo(root.outside("/fifo").c_str(), 0600) == 0);
  const auto reader = root.reader();
  const BootFiles files(*reader);
  CHECK(files.kind("/file") == SourceKind::file);
  CHECK(files.kind("/to-file") == SourceKind::file);
  CHECK(files.kind("/directory") == SourceKind::directory);
  CHECK(files.kind("/to-directory") == SourceKind::directory);
  CHECK(files.kind("/to-nothing") == SourceKind::absent);
  CHECK(files.kind("/to-itself") == SourceKind::unknown);
  CHECK(files.kind("/fifo") == SourceKind::unknown);
  CHECK(files.kind("/none") == SourceKind::absent);
}

TEST_CASE("mountinfo tells where file systems of a running system are") {
  TemporaryRoot root;
  root.write("/dev/disk/by-uuid/x", "");
  root.link("/dev/disk/by-uuid/1111", "../../dm-0");
  root.link("/dev/disk/by-uuid/5555", "../../nvme0n1p2");
  root.link("/dev/disk/by-uuid/7777", "../../sdb1");
  root.link("/dev/mapper/luks-1", "../dm-0");
  root.write("/boot/vmlinuz", "k");
  root.write("/etc/fstab", "UUID=8888 /srv ext4 noauto 0 0\n");
  const auto reader = root.reader();
  const BootFiles files(*reader);
  const FileSystems systems(files,
                            "1 0 0:30 /@ / rw - btrfs /dev/mapper/luks-1 rw\n"
                            "2 1 259:2 / /boot rw - ext4 /dev/nvme0n1p2 rw\n"
                            "3 1 0:44 / /rpool rw - zfs rpool/ROOT/pve-1 rw\n");
  const auto place = [&](FileSystemName on, const std::string& path) {
    const auto found = systems.locate({std::move(on), path}, "/boot/grub/grub.cfg");
    return found ? *found : describe(found.error());
  };
  CHECK(place({FileSystemBy::uuid, "1111"}, "/@/boot/x") == "/boot/x");
  CHECK(place({FileSystemBy::uuid, "5555"}, "/vmlinuz") == "/boot/vmlinuz");
  CHECK(place({}, "/vmlinuz") == "/boot/vmlinuz");
  CHECK(place({}, "/ROOT/pve-1@/boot/k") == "/rpool/boot/k");
  CHECK(place({FileSystemBy::uuid, "7777"}, "/x") ==
        "the file system 7777 is not known or not mounted");
  CHECK(systems.is_foreign({FileSystemBy::uuid, "7777"}));
  CHECK_FALSE(systems.is_foreign({FileSystemBy::uuid, "8888"}));
  CHECK_FALSE(systems.is_foreign({FileSystemBy::uuid, "9999"}));
  CHECK_FALSE(systems.is_foreign({FileSystemBy::uuid, "5555"}));
  CHECK(systems.is_mount_point("/boot") == true);
  CHECK(systems.is_mount_point("/efi") == false);
}

}  // namespace vfio_switch
