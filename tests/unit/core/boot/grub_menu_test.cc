// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_menu.h"

#include <string>

#include "catch.h"
#include "core/boot/grub_entries.h"
#include "core/boot/menu_cases.h"
#include "rounds.h"

namespace vfio_switch {

using test::for_mutations;
using test::menu_text;
using test::MenuCase;
using test::rounds;

namespace {

struct Row {
  std::string name;
  std::string config;
  GrubVariant variant;
};

const Row rows[] = {
    {"grub-debian", "/boot/grub/grub.cfg", GrubVariant::upstream},
    {"grub-arch-btrfs", "/boot/grub/grub.cfg", GrubVariant::upstream},
    {"grub-ubuntu", "/boot/grub/grub.cfg", GrubVariant::upstream},
    {"grub-fedora", "/boot/grub2/grub.cfg", GrubVariant::fedora},
    {"grub-silverblue", "/boot/grub2/grub.cfg", GrubVariant::fedora},
    {"grub-opensuse", "/boot/grub2/grub.cfg", GrubVariant::upstream},
};

BootMenu read(const MenuCase& machine, const Row& row) {
  return read_grub_menu({row.config, machine.text(row.config), "efi", row.variant},
                        machine.sources());
}

/// The menu of a text alone.
BootMenu read(const std::string& text, GrubVariant variant = GrubVariant::upstream) {
  return read_grub_menu({"/boot/grub/grub.cfg", text, "efi", variant}, no_sources());
}

std::string environment(const std::string& lines) {
  return "# GRUB Environment Block\n" + lines + "####";
}

std::string default_id(const BootMenu& menu) {
  if (!menu.default_entry) {
    return "not known: " + (menu.why_no_default ? describe(*menu.why_no_default) : "");
  }
  return menu.entries[*menu.default_entry].id;
}

}  // namespace

TEST_CASE("GRUB's menus are read as GRUB shows them") {
  for (const auto& row : rows) {
    INFO(row.name);
    const MenuCase machine(row.name);
    CHECK(menu_text(read(machine, row)) == machine.expected());
  }
}

TEST_CASE("GRUB's default is an id, a title or a number, and a path of them") {
  const std::string entries =
      "menuentry 'A' --id a { linux /a }\n"
      "submenu 'B' --id b {\n menuentry 'C' --id c { linux /c }\n menuentry '2' { linux /d }\n}\n"
      "menuentry '6.1 > x' --id e { linux /e }\n";
  struct Case {
    std::string value;
    std::string upstream;
    std::string fedora;
  };
  const Case cases[] = {
      {"", "a", "a"},        {"0", "a", "a"},       {"1", "b>c", "b>c"},    {"2", "e", "e"},
      {"3", "a", "a"},       {"e", "e", "e"},       {"A", "a", "a"},        {"b>c", "b>c", "b>c"},
      {"B>2", "b>c", "b>2"}, {"b>1", "b>2", "b>2"}, {"1>1", "b>2", "a"},    {"1>c", "b>c", "a"},
      {"b>0", "b>c", "b>c"}, {"nothing", "a", "a"}, {"6.1 >> x", "a", "e"}, {"0x2", "e", "e"},
      {"2 1", "e", "a"},
  };
  for (const auto& one : cases) {
    INFO(one.value);
    const auto text = "set default='" + one.value + "'\n" + entries;
    CHECK(default_id(read(text)) == one.upstream);
    CHECK(default_id(read(text, GrubVariant::fedora)) == one.fedora);
  }
}

TEST_CASE("What only GRUB can judge leaves the default unknown where it decides") {
  const std::string entries = "menuentry A --id a { linux /a }\nmenuentry B --id b { linux /b }\n";
  CHECK(default_id(read("if keystatus --shift; then set default=1; fi\n" + entries)) ==
        "not known: the value of the variable 'default' is not known");
  CHECK(default_id(read("if keystatus --shift; then set timeout=-1; fi\n" + entries)) == "a");
  // An entry that may not be there moves the numbers behind it, and no id.
  const auto maybe = "if probe; then\nmenuentry M --id m { linux /m }\nfi\n" + entries;
  CHECK(default_id(read("default=1\n" + maybe)).starts_with("not known"));
  CHECK(default_id(read("default=b\n" + maybe)) == "b");
  CHECK(default_id(read("default=m\n" + maybe)).starts_with("not known"));
  // Without a match the first entry would start, but a part of the menu is missing.
  const auto broken = entries + "menuentry 'open { linux /x\n";
  CHECK(default_id(read("default=b\n" + broken)) == "b");
  CHECK(default_id(read("default=1\n" + broken)).starts_with("not known"));
}

TEST_CASE("A grubenv that cannot be read is not an empty one") {
  MenuCase machine("grub-debian");
  machine.forbid("/boot/grub/grubenv");
  const auto menu = read(machine, rows[0]);
  CHECK_FALSE(menu.default_entry);
  REQUIRE(menu.why_no_default);
  CHECK(menu.why_no_default->code == BootUnknownCode::variable);
  CHECK(menu.entries.size() == 6);
  CHECK_FALSE(menu.notes.empty());
  // GRUB loads nothing from what is no environment block: the default is the first.
  MenuCase other("grub-debian");
  other.set("/boot/grub/grubenv", "hello");
  CHECK(default_id(read(other, rows[0])) == "gnulinux-simple-1111-aaaa");
}

TEST_CASE("A choice for one boot is told apart from the default") {
  MenuCase machine("grub-debian");
  const std::string first = "gnulinux-simple-1111-aaaa";
  const std::string other =
      "gnulinux-advanced-1111-aaaa>"
      "gnulinux-6.12.95+deb13-amd64-advanced-1111-aaaa";
  machine.set("/boot/grub/grubenv",
              environment("saved_entry=" + first + "\nnext_entry=" + other + "\n"));
  auto menu = read(machine, rows[0]);
  CHECK(default_id(menu) == first);
  REQUIRE(menu.once_entry);
  CHECK(menu.entries[*menu.once_entry].id == other);
  CHECK(next_entry(menu) == menu.once_entry);
  // grub-reboot of old keeps the default aside.
  machine.set("/boot/grub/grubenv",
              environment("saved_entry=" + other + "\nprev_saved_entry=" + first + "\n"));
  menu = read(machine, rows[0]);
  CHECK(default_id(menu) == first);
  REQUIRE(menu.once_entry);
  CHECK(menu.entries[*menu.once_entry].id == other);
}

TEST_CASE("Fedora's count of boots decides on the default") {
  MenuCase machine("grub-fedora");
  const auto with = [&](const std::string& lines) {
    machine.set("/boot/grub2/grubenv",
                environment("saved_entry=0123-6.14.10-300.fc42.x86_64\n" + lines));
    return default_id(read(machine, rows[3]));
  };
  CHECK(with("boot_success=1\nboot_counter=0\n") == "0123-6.14.10-300.fc42.x86_64");
  CHECK(with("boot_success=0\nboot_counter=0\n") == "0123-6.14.3-300.fc42.x86_64");
  CHECK(with("boot_success=0\nboot_counter=-1\n") == "0123-6.14.3-300.fc42.x86_64");
  CHECK(with("boot_success=0\nboot_counter=2\n") == "0123-6.14.10-300.fc42.x86_64");
}

TEST_CASE("Entries of the Boot Loader Specification that cannot be listed are not absent") {
  MenuCase machine("grub-fedora");
  machine.forbid("/boot/loader/entries");
  const auto menu = read(machine, rows[3]);
  CHECK(default_id(menu).starts_with("not known"));
  REQUIRE_FALSE(menu.notes.empty());
  CHECK(describe(menu.notes.front()) ==
        "/boot/grub2/grub.cfg:70: /boot/loader/entries cannot be read");
}

TEST_CASE("One entry that cannot be read is one unknown") {
  MenuCase machine("grub-fedora");
  machine.forbid("/boot/loader/entries/0123-6.14.10-300.fc42.x86_64.conf");
  const auto menu = read(machine, rows[3]);
  CHECK(default_id(menu) == "0123-6.14.3-300.fc42.x86_64");
  REQUIRE(menu.entries.size() == 4);
  CHECK(menu.entries[0].id == "0123-6.14.10-300.fc42.x86_64");
  CHECK(menu.entries[0].unknown.size() == 1);
  CHECK(menu.entries[0].kind == EntryKind::usual);
}

TEST_CASE("The stub on the ESP leads to the menu") {
  MenuCase machine("grub-debian");
  machine.set("/boot/efi/EFI/debian/grub.cfg",
              "search.fs_uuid 5555-bbbb root hd0,gpt2 \nset prefix=($root)'/grub'\n"
              "configfile $prefix/grub.cfg\n");
  const auto menu = read(machine, {"", "/boot/efi/EFI/debian/grub.cfg", GrubVariant::upstream});
  CHECK(menu_text(menu) == machine.expected());
}

TEST_CASE("Words of unknown presence are told apart from a command line") {
  const auto menu = read(
      "if keystatus; then set mode=keep; else set mode=text; fi\nexport mode\n"
      "menuentry A { if [ $mode = keep ]; then v=vt.handoff=7; fi\n"
      "linux /k root=/dev/sda1 $v quiet\ninitrd /i }\n"
      "menuentry B { linux /k $?\n }\n"
      "menuentry C { if keystatus; then linux /k1; else linux /k2; fi }\n");
  REQUIRE(menu.entries.size() == 3);
  CHECK(menu.entries[0].command_line == "root=/dev/sda1 quiet");
  CHECK(menu.entries[0].possible_words == std::vector<std::string>{"vt.handoff=7"});
  CHECK(menu.entries[0].unknown.empty());
  CHECK_FALSE(menu.entries[1].command_line);
  REQUIRE_FALSE(menu.entries[2].unknown.empty());
  CHECK(menu.entries[2].unknown.front().code == BootUnknownCode::condition);
}

TEST_CASE("A menu with a password has no editor, and a unified image can be chained") {
  const auto menu = read(
      "set superusers=\"root\"\nexport superusers\n"
      "menuentry U { search --no-floppy --fs-uuid --set=root AB-CD\n"
      "chainloader /EFI/Linux/arch.efi }\n"
      "menuentry X { multiboot2 /xen.gz\n module2 /vmlinuz }\n");
  CHECK(menu.editor == MenuEditor::locked);
  REQUIRE(menu.entries.size() == 2);
  REQUIRE(menu.entries[0].unified_image);
  CHECK(menu.entries[0].unified_image->on == FileSystemName{FileSystemBy::uuid, "AB-CD"});
  CHECK(menu.entries[0].kind == EntryKind::usual);
  CHECK(menu.entries[1].kind == EntryKind::usual);
  REQUIRE(menu.entries[1].unknown.size() == 1);
  CHECK(menu.entries[1].unknown.front().subject == "multiboot2");
}

TEST_CASE("An entry behind a '!' keeps its commands") {
  const auto menu = read("! menuentry 'Odd' {\n  linux /vmlinuz root=/dev/sda1\n}\n");
  REQUIRE(menu.entries.size() == 1);
  CHECK(menu.entries.front().command_line == "root=/dev/sda1");
}

TEST_CASE("No mutation of a menu breaks GRUB's reader") {
  // Short texts with everything in them many times, whole menus a few times: without optimization
  // these take milliseconds each.
  const auto check = [](const Row& row, const MenuCase& machine, const std::string& whole,
                        std::size_t count) {
    const auto sources = machine.sources();
    for_mutations(whole, count, [&](const std::string& text) {
      const auto menu = read_grub_menu({row.config, text, "efi", row.variant}, sources);
      for (const auto& chosen : {menu.default_entry, menu.once_entry}) {
        if (chosen) REQUIRE(*chosen < menu.entries.size());
      }
      if (!menu.default_entry) REQUIRE(menu.why_no_default);
    });
  };
  const std::string texts[] = {
      "load_env\nset default=\"${saved_entry}\"\nmenuentry 'A' --class x $o 'a' {\n\tsearch "
      "--no-floppy --fs-uuid --set=root 5555-bbbb\n\tlinux\t/k-1 root=UUID=1 ro $v\n\tinitrd\t/i "
      "/j\n}\n",
      "if [ \"${next_entry}\" ] ; then\n set default=\"${next_entry}\"\nelif keystatus; then "
      "default=1\nfi\nfunction f { set v=\"${1}\"; }\nf quiet\nsubmenu \"S\" { menuentry B { linux "
      "/k $v; } }\nfor i in a b; do menuentry $i { chainloader /EFI/Linux/$i.efi }; done\n",
      "blsdir=/loader/entries\nsearch.fs_uuid 5555 root\nset kernelopts='root=/dev/sda1 "
      "\"a b\"'\nexport kernelopts\nblscfg\nsource $prefix/user.cfg\nset timeout=5\n",
  };
  MenuCase machine("grub-fedora");
  for (const auto& [path, content] : machine.below("/boot/loader/entries")) {
    if (!path.ends_with("0123-0-rescue.conf")) machine.remove(path);
  }
  for (const auto& text : texts) check(rows[3], machine, text, rounds(20'000));
  for (const auto& row : rows) {
    const MenuCase whole(row.name);
    check(row, whole, whole.text(row.config), 50);
  }
}

TEST_CASE("No mutation of an entry breaks GRUB's reader of them") {
  const MenuCase machine("grub-fedora");
  const GrubState state;
  for (const auto& [path, content] : machine.below("/boot/loader/entries")) {
    for_mutations(content, rounds(20'000), [&](const std::string& text) {
      const auto entry = parse_grub_entry("a.conf", text);
      if (!entry) return;
      REQUIRE(entry->name == "a");
      std::vector<std::string> open;
      (void)expand_grub_options(entry->options.value_or(""), state, open);
      REQUIRE(open.empty());
    });
  }
}

}  // namespace vfio_switch
