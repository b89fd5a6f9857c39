// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/unasked.h"
#include "core/binding/generated_files.h"
#include "core/files/own_paths.h"

#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;
using test::desktop;
using test::id;

namespace {

using Items = std::vector<Item>;

std::vector<std::string_view> causes(const SystemFacts& facts, const Unasked& unasked = {}) {
  std::vector<std::string_view> names;
  for (const auto& refusal : refuse_unasked(facts, unasked)) {
    names.push_back(kind_of(refusal.cause).name);
  }
  return names;
}

using Names = std::vector<std::string_view>;

}  // namespace

TEST_CASE("Whatever gives devices to vfio-pci or pci-stub is found, with its place") {
  struct Row {
    std::string line;
    bool is_found;
  };
  const Row rows[] = {
      {"options vfio-pci ids=10de:1d01", true},
      {"options vfio_pci disable_vga=1", true},
      {"options pci-stub ids=10de:1d01", true},
      {"softdep nouveau pre: vfio-pci", true},
      {"softdep nouveau pre: i915", false},
      {"alias pci:v000010DEd00001D01sv*sd*bc*sc*i* vfio-pci", true},
      {"install nouveau modprobe vfio-pci; modprobe -i nouveau", true},
      {"install vfio-pci /usr/local/bin/vfio-pci-override.sh", true},
      {"blacklist vfio-pci", true},
      {"blacklist nouveau", false},
      {"install * /bin/true", false},
      {"options kvm ignore_msrs=1", false},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    auto facts = desktop().facts();
    facts.modprobe.push_back({"/etc/modprobe.d/a.conf", "# c\n" + row.line + "\n"});
    const auto found = vfio_set_ups(facts);
    CHECK(found == (row.is_found ? Items{Place{"/etc/modprobe.d/a.conf", 2}} : Items{}));
  }
}

TEST_CASE("A vfio.conf counts whatever it says, unless vfio-switch wrote it") {
  const std::string path(vfio_conf_path);
  CHECK(vfio_set_ups(desktop().file(path, "# nothing\n").facts()) == Items{Place{path}});
  const auto ours = render_vfio_conf({{at("01:00.0"), id("10de:1d01")}}, {});
  CHECK(vfio_set_ups(desktop().file(path, ours).facts()).empty());
}

TEST_CASE("Words of the kernel command line count that give devices away or load vfio-pci") {
  struct Row {
    std::string word;
    bool is_found;
  };
  const Row rows[] = {{"vfio-pci.ids=10de:1d01", true}, {"vfio_pci.ids=10de:1d01", true},
                      {"vfio-pci.ids=", false},         {"pci-stub.ids=10de:1d01", true},
                      {"rd.driver.pre=vfio-pci", true}, {"modules_load=vfio_pci,kvm", true},
                      {"rd.driver.pre=nouveau", false}, {"intel_iommu=on", false},
                      {"module_blacklist=vfio", false}};
  for (const auto& row : rows) {
    INFO(row.word);
    auto facts = desktop().facts();
    facts.command_line = "quiet " + row.word + " splash";
    CHECK(vfio_set_ups(facts) == (row.is_found ? Items{Parameter{row.word}} : Items{}));
  }
}

TEST_CASE("Lists, scripts and driverctl's overrides count") {
  const Place where{"/etc/x", 3};
  auto facts = desktop().facts();
  facts.early_modules = {{"vfio_pci", where}, {"nouveau", {"/etc/y", 1}}};
  CHECK(vfio_set_ups(facts) == Items{where});
  facts.early_modules = {};
  facts.root_lists = {{"vfio_iommu_type1", where}, {"kvm", {"/etc/y", 1}}};
  CHECK(vfio_set_ups(facts) == Items{where});
  facts.root_lists = {};
  facts.driverctl = {{at("01:00.0"), "vfio-pci", where}, {at("01:00.1"), "nouveau", {"/etc/y", 1}}};
  CHECK(vfio_set_ups(facts) == Items{where});
  facts.driverctl = {};
  facts.override_setters = {{where, {}, true}};
  CHECK(vfio_set_ups(facts) == Items{where});
}

TEST_CASE("Unasked, a boot menu is wanted that people can reach") {
  struct Row {
    MenuStyle style;
    std::optional<int> timeout;
    Names refused;
  };
  const Row rows[] = {
      {MenuStyle::shown, 5, {}},
      {MenuStyle::shown, std::nullopt, {}},
      {MenuStyle::shown, 0, {"menu-without-time"}},
      {MenuStyle::countdown, 3, {}},
      {MenuStyle::countdown, 0, {"menu-without-time"}},
      {MenuStyle::hidden, 5, {"menu-hidden"}},
      {MenuStyle::hidden, std::nullopt, {"menu-hidden"}},
      {MenuStyle::disabled, 0, {"menu-hidden"}},
  };
  for (const auto& row : rows) {
    auto facts = desktop().facts();
    facts.boot_menu.loader = LoaderKind::grub;
    facts.boot_menu.style = row.style;
    facts.boot_menu.timeout = row.timeout;
    INFO(static_cast<int>(row.style) << " " << row.timeout.value_or(-1));
    CHECK(causes(facts) == row.refused);
  }
}

TEST_CASE("What stands in the way is said together, the packager's word first") {
  auto facts = desktop().file(std::string(vfio_conf_path), "# mine\n").facts();
  facts.command_line_locked = true;
  facts.boot_menu.style = MenuStyle::hidden;
  CHECK(causes(facts, {.is_off = true}) ==
        Names{"set-up-off", "set-up-by-hand", "escape-locked", "menu-hidden"});
  const Note doubt{NoteCause::menu_unknown, {{"reason", Reason(ReasonCause::not_known)}}};
  CHECK(causes(facts, {.doubt = doubt}) ==
        Names{"set-up-by-hand", "escape-locked", "menu-unknown"});
}

}  // namespace vfio_switch
