// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/override.h"
#include "core/binding/driver_config.h"
#include "core/files/own_paths.h"

#include <string>
#include <string_view>

#include "catch.h"
#include "core/cards/card.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;
using test::desktop;
using test::id;

TEST_CASE("An override says address, id and subsystem, and is read as it is written") {
  const OverrideEntry entry{at("0001:0a:1f.7"), id("10de:1ff2"), id("17aa:1613")};
  CHECK(entry.str() == "0001:0a:1f.7 10de:1ff2:17aa:1613");
  CHECK((parse_override("# a comment\n\n" + entry.str() + "\n") == std::vector{entry}));
}

TEST_CASE("A line that the script would not find a device by is no override") {
  for (const std::string_view line :
       {"01:00.0 10de:1ff2:17aa:1613", "0000:01:00.0 10DE:1ff2:17aa:1613", "0000:01:00.0 10de:1ff2",
        "0000:01:00.0", "0000:01:00.0 10de:1ff2:17aa:1613 more", "0000:01:00.0 10de:1ff2-17aa:1613",
        "#0000:01:00.0 10de:1ff2:17aa:1613", "../0000:01:00.0 10de:1ff2:17aa:1613",
        "0000:01:00.0 10de:1ff2:17aa:161"}) {
    INFO(line);
    CHECK(parse_override(line).empty());
  }
}

TEST_CASE("The configuration on disk is that of modprobe.d and of the override file") {
  const auto facts = desktop()
                         .modprobe("/etc/modprobe.d/x.conf", "options kvm a=1\n")
                         .file(override_path, "0000:01:00.0 10de:1d01:0000:0000\n")
                         .facts();
  const auto config = current_config(facts);
  CHECK((config.modprobe == facts.modprobe));
  CHECK((config.overrides == std::vector{make_override(*find_device(facts, at("01:00.0")))}));
  CHECK(current_config(desktop().facts()).overrides.empty());
}

TEST_CASE("The script runs only where the first install line is its own, and no softdep hides it") {
  struct Row {
    std::string_view lines;
    bool runs;
  };
  const std::string ours = "install vfio-pci /usr/lib/vfio-switch/bind $CMDLINE_OPTS; modprobe x\n";
  const Row rows[] = {
      {"", true},
      {"install vfio-pci /bin/false\n", false},
      {"install vfio* /bin/false\n", false},
      {"install vfio_pci /usr/lib/vfio-switch/bind\n", true},
      {"install vfio_pci /usr/lib/vfio-switch/binding\n", false},
      {"install vfio_pci true /usr/lib/vfio-switch/bind\n", false},
      {"install nvidia /bin/false\n", true},
      {"softdep vfio-pci pre: kvm\n", false},
      {"softdep vfio* post: kvm\n", false},
      {"softdep vfio-pci nothing\n", true},
      {"softdep nouveau pre: vfio-pci\n", true},
  };
  for (const auto& row : rows) {
    INFO(row.lines);
    const auto directives = parse_modprobe(ModprobeFile{"x.conf", std::string(row.lines) + ours});
    CHECK(binds_by_address(directives) == row.runs);
  }
  CHECK_FALSE(binds_by_address({}));
}

}  // namespace vfio_switch
