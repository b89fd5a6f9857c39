// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/extlinux_menu.h"

#include <string>

#include "catch.h"
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
};

const Row rows[] = {
    {"extlinux-debian", "/boot/extlinux/extlinux.conf"},
    {"extlinux-bios", "/boot/syslinux/syslinux.cfg"},
    {"extlinux-pine", "/boot/extlinux/extlinux.conf"},
};

}  // namespace

TEST_CASE("extlinux's menus are read as it shows them") {
  for (const auto& row : rows) {
    INFO(row.name);
    const MenuCase machine(row.name);
    CHECK(menu_text(read_extlinux_menu(row.config, machine.text(row.config))) ==
          machine.expected());
  }
}

TEST_CASE("A default of extlinux that is no label is not known") {
  const auto menu = read_extlinux_menu("/x.conf", "default gone\nlabel a\nlinux /k\n");
  CHECK_FALSE(menu.default_entry);
  CHECK(describe(*why_not_known(menu)) == "/x.conf: gone does not exist");
  CHECK_FALSE(read_extlinux_menu("/x.conf", "").default_entry);
}

TEST_CASE("No mutation of a menu breaks extlinux's reader") {
  for (const auto& row : rows) {
    const MenuCase machine(row.name);
    for_mutations(machine.text(row.config), rounds(20'000), [&](const std::string& text) {
      const auto menu = read_extlinux_menu(row.config, text);
      if (menu.default_entry) REQUIRE(*menu.default_entry < menu.entries.size());
      if (!menu.default_entry) REQUIRE(menu.why_no_default);
    });
  }
}

}  // namespace vfio_switch
