// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/booster_image.h"

#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;

namespace {

/// As yaml.v3 writes it.
const std::string config =
    "moduledependencies:\n    vfio_pci:\n        - vfio_pci_core\n"
    "modulesforceload:\n    - nvidia\n    - vfio_pci\n"
    "modprobeoptions:\n    nvidia: ids=1:1\n    vfio_pci: disable_vga=1 ids=10de:1d01\n"
    "builtinmodules:\n    ext4: {}\nkernel: 6.12.1-arch1-1\n";

}  // namespace

TEST_CASE("booster's list is read with its lines, vfio-pci's with the ids of the options") {
  const auto read = parse_booster_config(config);
  REQUIRE(read);
  const auto& forced = *read;
  REQUIRE(forced.size() == 2);
  CHECK(forced[0].module == "nvidia");
  CHECK(forced[0].where == Place{"/etc/booster.init.yaml", 5});
  CHECK_FALSE(forced[0].ids);
  CHECK(forced[1].module == "vfio_pci");
  CHECK(forced[1].ids == VfioIds::parse("10de:1d01"));
}

TEST_CASE("What is loaded without options has no ids") {
  const auto read = parse_booster_config("modulesforceload:\n    - vfio_pci\nmounttimeout: 3\n");
  REQUIRE(read);
  REQUIRE(read->size() == 1);
  CHECK(read->front().ids == VfioIds());
  CHECK(parse_booster_config("")->empty());
  CHECK(parse_booster_config("kernel: x\n    - vfio_pci\n")->empty());
}

TEST_CASE("A list in another form than booster writes is not guessed") {
  CHECK_FALSE(parse_booster_config("modulesforceload: [vfio_pci]\n"));
  CHECK_FALSE(parse_booster_config("modulesforceload:\n- vfio_pci\n"));
}

TEST_CASE("booster loads everything at once, as far as it is in the image") {
  const Claim claim{"6.12.1-arch1-1", at("01:00.0"), {"nouveau", "nvidia"}, {}, {}};
  const auto step = booster_step(*parse_booster_config(config), {"nouveau", "vfio_pci"}, claim);
  CHECK_FALSE(step.ordered);
  CHECK((step.stage == Stage::image));
  REQUIRE(step.requests.size() == 2);
  CHECK(step.requests[0].modules == std::vector<std::string>{"vfio_pci"});
  CHECK(step.requests[0].requester == Item(Place{"/etc/booster.init.yaml", 6}));
  CHECK(step.requests[1].modules == std::vector<std::string>{"nouveau"});
  CHECK(step.requests[1].requester == Item(at("01:00.0")));
}

}  // namespace vfio_switch
