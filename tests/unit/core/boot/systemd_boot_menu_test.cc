// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/systemd_boot_menu.h"

#include <string>

#include "catch.h"
#include "core/boot/menu_cases.h"
#include "core/boot/systemd_boot_entry.h"
#include "rounds.h"

namespace vfio_switch {

using test::for_mutations;
using test::menu_text;
using test::MenuCase;
using test::rounds;

namespace {

/// What the reader is given of a machine with these partitions, the ESP first.
SystemdBootFiles files_of(const MenuCase& machine, const std::vector<std::string>& mounts) {
  SystemdBootFiles files;
  files.kind = [&machine](const std::string& path) {
    return machine.sources().kind({{FileSystemBy::inside_root, {}}, path});
  };
  files.image = [](const std::string& path) { return UnifiedFile{path, {}}; };
  for (const auto& mount : mounts) {
    EntryPartition partition;
    partition.mount = mount;
    for (const auto& [path, text] : machine.below(mount + "/loader/entries")) {
      partition.entries.push_back({path, text});
    }
    files.partitions.push_back(std::move(partition));
  }
  const auto settings = mounts.front() + "/loader/loader.conf";
  files.settings = EntryFile{settings, machine.text(settings)};
  return files;
}

std::string id(const BootMenu& menu, const std::optional<std::size_t>& index) {
  return index ? menu.entries[*index].id : "none";
}

UnifiedProfile profile(unsigned number, const std::string& options, const std::string& uname) {
  UnifiedProfile one;
  one.number = number;
  one.command_line = options;
  one.release = uname;
  one.os_release = "ID=arch\nPRETTY_NAME=\"Arch Linux\"\nVERSION_ID=" + uname + "\n";
  one.kernel = PeSection{".linux", 1, 1};
  return one;
}

}  // namespace

TEST_CASE("The menus of systemd-boot are read as it shows them") {
  struct Row {
    std::string name;
    std::vector<std::string> mounts;
  };
  for (const Row& row : {Row{"sd-debian", {"/efi", "/boot"}}, Row{"sd-arch", {"/boot"}},
                         Row{"sd-pop", {"/boot/efi"}}, Row{"sd-proxmox", {"/esp"}},
                         Row{"sd-opensuse", {"/boot/efi"}}}) {
    INFO(row.name);
    const MenuCase machine(row.name);
    CHECK(menu_text(read_systemd_boot_menu(files_of(machine, row.mounts))) == machine.expected());
  }
}

TEST_CASE("Paths of entries begin at the partition that holds the entry") {
  const MenuCase machine("sd-debian");
  const auto menu = read_systemd_boot_menu(files_of(machine, {"/efi", "/boot"}));
  REQUIRE(menu.entries.front().kernel);
  CHECK(menu.entries.front().kernel->at == "/boot/TOKEN/6.1.0-56-amd64/linux");
  CHECK(menu.entries.front().initrds.back().at ==
        "/boot/TOKEN/6.1.0-56-amd64/initrd.img-6.1.0-56-amd64");
}

TEST_CASE("systemd-boot's default is what variables and loader.conf say, in that order") {
  const MenuCase machine("sd-arch");
  struct Row {
    std::string settings;
    std::optional<std::string> once, preferred, by_default, last;
    std::string expected;
    std::string expected_once;
  };
  using O = std::optional<std::string>;
  const O none;
  const Row rows[] = {
      {"", none, none, none, none, "zen.conf", "none"},
      {"default arch.conf", none, none, none, none, "arch.conf", "none"},
      {"default ARCH-*.conf", none, none, none, none, "arch-fallback.conf", "none"},
      {"default nothing", none, none, none, none, "zen.conf", "none"},
      {"default arch", none, none, none, none, "arch.conf", "none"},
      {"default arch.conf", none, none, O("zen.conf"), none, "zen.conf", "none"},
      {"default arch.conf", O("zen.conf"), none, none, none, "arch.conf", "zen.conf"},
      {"default arch.conf", O("gone.conf"), none, none, none, "arch.conf", "none"},
      {"default @saved", none, none, none, O("arch-fallback.conf"), "arch-fallback.conf", "none"},
      {"default @saved", none, none, none, none, "zen.conf", "none"},
      {"default zen*", none, none, O("@saved"), O("arch.conf"), "arch.conf", "none"},
      {"default arch.conf", none, O("zen"), none, none, "zen.conf", "none"},
      {"default arch.conf\npreferred shell.conf", none, none, O("zen.conf"), none, "shell.conf",
       "none"},
  };
  for (const auto& row : rows) {
    INFO(row.settings << " " << row.expected);
    auto files = files_of(machine, {"/boot"});
    files.settings->text = row.settings;
    files.variables.entry_once = row.once;
    files.variables.entry_preferred = row.preferred;
    files.variables.entry_default = row.by_default;
    files.variables.entry_last = row.last;
    const auto menu = read_systemd_boot_menu(files);
    CHECK(id(menu, menu.default_entry) == row.expected);
    CHECK(id(menu, menu.once_entry) == row.expected_once);
    CHECK(id(menu, next_entry(menu)) ==
          (row.expected_once == "none" ? row.expected : row.expected_once));
  }
}

TEST_CASE("Timeouts of systemd-boot say whether its menu can be reached") {
  const MenuCase machine("sd-arch");
  struct Row {
    std::string settings;
    std::optional<std::string> variable;
    MenuStyle style;
    std::optional<int> timeout;
  };
  const Row rows[] = {
      {"", std::nullopt, MenuStyle::hidden, 0},
      {"timeout 4", std::nullopt, MenuStyle::shown, 4},
      {"timeout 0", std::nullopt, MenuStyle::hidden, 0},
      {"timeout menu-hidden", std::nullopt, MenuStyle::hidden, 0},
      {"timeout menu-disabled", std::nullopt, MenuStyle::disabled, 0},
      {"timeout 4", "menu-force", MenuStyle::shown, std::nullopt},
      {"timeout x", std::nullopt, MenuStyle::hidden, 0},
  };
  for (const auto& row : rows) {
    INFO(row.settings);
    auto files = files_of(machine, {"/boot"});
    files.settings->text = row.settings;
    files.variables.timeout = row.variable;
    const auto menu = read_systemd_boot_menu(files);
    CHECK(menu.style == row.style);
    CHECK(menu.timeout == row.timeout);
  }
}

TEST_CASE("What cannot be read leaves systemd-boot's default unknown where it decides") {
  const MenuCase machine("sd-arch");
  const BootUnknown why{BootUnknownCode::unreadable, "/boot/loader/entries/new.conf"};
  auto files = files_of(machine, {"/boot"});
  files.partitions[0].entries.push_back({"/boot/loader/entries/new.conf", "", why});
  files.settings->text = "default arch.conf";
  CHECK(id(read_systemd_boot_menu(files), read_systemd_boot_menu(files).default_entry) ==
        "arch.conf");
  files.settings->text = "";
  auto menu = read_systemd_boot_menu(files);
  CHECK_FALSE(menu.default_entry);
  CHECK(menu.why_no_default == why);
  // Both match, and where the unread one stands is not known.
  files.settings->text = "default *";
  CHECK_FALSE(read_systemd_boot_menu(files).default_entry);
  // The directory as a whole.
  files = files_of(machine, {"/boot"});
  files.unknown.push_back({BootUnknownCode::unreadable, "/efi/EFI/Linux"});
  menu = read_systemd_boot_menu(files);
  CHECK_FALSE(menu.default_entry);
  CHECK(menu.notes.size() == 1);
  // A kernel that may be there or not.
  files = files_of(machine, {"/boot"});
  files.kind = [](const std::string&) { return SourceKind::unknown; };
  menu = read_systemd_boot_menu(files);
  REQUIRE(menu.default_entry);
  CHECK(menu.entries[*menu.default_entry].unknown.size() == 1);
}

TEST_CASE("Unified images are entries, one for each profile, with their add-ons") {
  const MenuCase machine("sd-arch");
  auto files = files_of(machine, {"/boot"});
  files.settings->text = "default arch-linux*";
  auto debug = profile(1, "root=/dev/sda2 debug", "6.17.8-arch1-1");
  debug.id = "debug";
  debug.title = "Debug";
  files.partitions[0].images.push_back(
      {"/boot/EFI/Linux/arch-linux+2.efi",
       {profile(0, "root=/dev/sda2 rw", "6.17.8-arch1-1"), debug},
       {{"", std::nullopt, "own", false}, {"", "6.1.0", "other", false}}});
  files.partitions[0].addons.push_back({"", std::nullopt, "global", false});
  auto menu = read_systemd_boot_menu(files);
  REQUIRE(menu.default_entry);
  const auto& first = menu.entries[*menu.default_entry];
  CHECK(first.id == "arch-linux.efi");
  CHECK(first.title == "Arch Linux");
  CHECK(first.command_line == "root=/dev/sda2 rw global own");
  CHECK(first.release == "6.17.8-arch1-1");
  CHECK(first.tries_left == 2U);
  CHECK(first.profile == 0U);
  REQUIRE(first.unified_image);
  CHECK(first.unified_image->at == "/boot/EFI/Linux/arch-linux+2.efi");
  const auto& second = menu.entries[*menu.default_entry + 1];
  CHECK(second.id == "arch-linux.efi@debug");
  CHECK(second.title == "Arch Linux (Debug)");
  CHECK(second.command_line == "root=/dev/sda2 debug global own");
  // Under Secure Boot an add-on needs a signature that counts.
  files.variables.secure_boot = true;
  menu = read_systemd_boot_menu(files);
  CHECK(menu.entries[0].command_line == "root=/dev/sda2 rw");
  CHECK(menu.entries[0].possible_words == std::vector<std::string>{"global", "own"});
}

TEST_CASE("An entry can start a unified image with other options") {
  const MenuCase machine("sd-arch");
  auto files = files_of(machine, {"/boot"});
  files.partitions[0].entries = {
      {"/boot/loader/entries/own.conf", "title Own\nefi /shellx64.efi\n"},
      {"/boot/loader/entries/passed.conf",
       "title P\nuki /shellx64.efi\noptions root=/dev/sdb rw\n"},
      {"/boot/loader/entries/both.conf", "title B\nlinux /vmlinuz-linux\nefi /shellx64.efi\n"},
  };
  files.image = [](const std::string& path) {
    return UnifiedFile{path, {profile(0, "root=/dev/sda ro", "6.1.0")}};
  };
  auto menu = read_systemd_boot_menu(files);
  REQUIRE(menu.entries.size() == 2);
  CHECK(menu.entries[0].id == "passed.conf");
  CHECK(menu.entries[0].command_line == "root=/dev/sdb rw");
  CHECK(menu.entries[0].release == "6.1.0");
  CHECK(menu.entries[1].command_line == "root=/dev/sda ro");
  CHECK(menu.entries[1].kind == EntryKind::usual);
  files.variables.secure_boot = true;
  menu = read_systemd_boot_menu(files);
  CHECK(menu.entries[0].command_line == "root=/dev/sda ro");
}

TEST_CASE("Windows can be the default") {
  const MenuCase machine("sd-arch");
  auto files = files_of(machine, {"/boot"});
  files.settings->text = "default auto-windows\n";
  auto menu = read_systemd_boot_menu(files);
  CHECK_FALSE(menu.default_entry);
  files.variables.entries = {"arch.conf", "zen.conf", "auto-windows"};
  menu = read_systemd_boot_menu(files);
  CHECK(id(menu, menu.default_entry) == "auto-windows");
  CHECK(menu.entries[*menu.default_entry].kind == EntryKind::foreign);
  files.variables.entries = {"arch.conf", "zen.conf"};
  menu = read_systemd_boot_menu(files);
  CHECK(id(menu, menu.default_entry) == "zen.conf");
}

TEST_CASE("A boot counter is no part of an id") {
  const auto name = [](const std::string& file) {
    const auto split = split_counter(file, ".conf");
    return split.name + (split.tries_left ? " " + std::to_string(*split.tries_left) : "");
  };
  CHECK(name("arch.conf") == "arch.conf");
  CHECK(name("arch+3.conf") == "arch.conf 3");
  CHECK(name("arch+0-3.conf") == "arch.conf 0");
  CHECK(name("6.1+deb12+2-1.conf") == "6.1+deb12.conf 2");
  CHECK(name("6.1.0+deb12.conf") == "6.1.0+deb12.conf");
  CHECK(name("a+3-.conf") == "a+3-.conf");
  CHECK(name("a+3x.conf") == "a+3x.conf");
  CHECK(name("a+.conf") == "a+.conf");
  CHECK(name("a+99999999999.conf") == "a+99999999999.conf");
  CHECK(name("+") == "+");
}

TEST_CASE("No mutation of an entry breaks systemd-boot's reader") {
  const MenuCase machine("sd-debian");
  const auto base = files_of(machine, {"/efi", "/boot"});
  const auto entries = machine.below("/boot/loader/entries");
  for (std::size_t i = 0; i < 3; ++i) {
    for_mutations(entries[i].second, rounds(20'000), [&](const std::string& text) {
      auto files = base;
      files.partitions[1].entries = {{entries[i].first, text}};
      files.settings->text = text;
      const auto menu = read_systemd_boot_menu(files);
      REQUIRE(menu.entries.size() <= 1);
      if (menu.default_entry) REQUIRE(*menu.default_entry < menu.entries.size());
    });
  }
}

}  // namespace vfio_switch
