// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/limine_menu.h"

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
    {"limine-cachyos", "/boot/limine.conf"},
    {"limine-omarchy", "/boot/limine.conf"},
    {"limine-arch", "/boot/limine/limine.conf"},
};

std::string chosen(const std::string& settings, const EfiVariables& variables = {}) {
  const auto menu = read_limine_menu(
      {"/limine.conf",
       settings +
           "\n/+D\n//A\nprotocol: linux\npath: boot():/a\n//B\nprotocol: linux\npath: boot():/b\n"
           "/C\n//A\nprotocol: linux\npath: boot():/c\n/B\nprotocol: linux\npath: boot():/d\n"
           "/B\nprotocol: linux\npath: boot():/e\n",
       variables});
  const auto index = next_entry(menu);
  return index ? menu.entries[*index].id : describe(*why_not_known(menu));
}

}  // namespace

TEST_CASE("Limine's menus are read as it shows them") {
  for (const auto& row : rows) {
    INFO(row.name);
    const MenuCase machine(row.name);
    CHECK(menu_text(read_limine_menu({row.config, machine.text(row.config), {}})) ==
          machine.expected());
  }
}

TEST_CASE("Limine's default is a number of what is visible, or a path") {
  const std::string directory =
      "/limine.conf: the default 'D' is a submenu, so the boot menu waits for a choice";
  CHECK(chosen("") == directory);
  CHECK(chosen("default_entry: 2") == "D/A");
  CHECK(chosen("default_entry: 3") == "D/B");
  // What is in a collapsed directory has no number.
  CHECK(chosen("default_entry: 5") == "B");
  CHECK(chosen("default_entry: C/A") == "C/A");
  CHECK(chosen("default_entry: B#1") == "B#1");
  CHECK(chosen("default_entry: gone") == directory);
  CHECK(chosen("DEFAULT_ENTRY:   2  ") == "D/A");
}

TEST_CASE("What was booted last, and variables, come before Limine's file") {
  EfiVariables variables;
  variables.entry_default = "C/A";
  CHECK(chosen("default_entry: 2", variables) == "C/A");
  variables.limine_last = "B";
  CHECK(chosen("default_entry: 2", variables) == "C/A");
  CHECK(chosen("default_entry: 2\nremember_last_entry: yes", variables) == "B");
  variables.limine_last = "gone";
  CHECK(chosen("default_entry: 2\nremember_last_entry: yes", variables) == "C/A");
  variables.entry_once = "D/B";
  CHECK(chosen("default_entry: 2", variables) == "D/B");
}

TEST_CASE("No mutation of a menu breaks Limine's reader") {
  for (const auto& row : rows) {
    const MenuCase machine(row.name);
    for_mutations(machine.text(row.config), rounds(20'000), [&](const std::string& text) {
      const auto menu = read_limine_menu({row.config, text, {}});
      if (menu.default_entry) REQUIRE(*menu.default_entry < menu.entries.size());
      if (!menu.default_entry) REQUIRE(menu.why_no_default);
    });
  }
}

}  // namespace vfio_switch
