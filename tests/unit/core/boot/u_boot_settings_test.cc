// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/u_boot_settings.h"

#include <string>
#include <string_view>

#include "catch.h"
#include "round_trips.h"

namespace vfio_switch {

namespace {

constexpr std::string_view on = "intel_iommu=on";
constexpr std::string_view pt = "iommu=pt";

}  // namespace

TEST_CASE("u-boot-update's settings in every form") {
  struct Row {
    std::string_view before;
    std::string_view after;
  };
  const Row row = GENERATE(
      Row{"U_BOOT_PARAMETERS=\"ro quiet\"\n", "U_BOOT_PARAMETERS=\"ro quiet intel_iommu=on\"\n"},
      Row{"U_BOOT_PARAMETERS='ro'\nU_BOOT_TIMEOUT=\"5\"\n",
          "U_BOOT_PARAMETERS='ro intel_iommu=on'\nU_BOOT_TIMEOUT=\"5\"\n"},
      // What nobody has set is "ro quiet", which an assignment of ours must not replace.
      Row{"#U_BOOT_PARAMETERS=\"ro quiet\"\n",
          "#U_BOOT_PARAMETERS=\"ro quiet\"\nU_BOOT_PARAMETERS=\"${U_BOOT_PARAMETERS:-ro quiet} "
          "intel_iommu=on\" # added by vfio-switch\n"},
      Row{"U_BOOT_PARAMETERS=\"\"\n",
          "U_BOOT_PARAMETERS=\"\"\nU_BOOT_PARAMETERS=\"${U_BOOT_PARAMETERS:-ro quiet} "
          "intel_iommu=on\" # added by vfio-switch\n"});
  CAPTURE(row.before);
  const auto added = add_u_boot_parameter(row.before, on);
  REQUIRE(added == row.after);
  CHECK_FALSE(u_boot_settings_have(row.before, on));
  CHECK(u_boot_settings_have(*added, on));
  CHECK(u_boot_settings_say(*added));
  CHECK(remove_u_boot_parameter(*added, on) == row.before);
  const auto both = add_u_boot_parameter(*added, pt);
  REQUIRE(both);
  CHECK(remove_u_boot_parameter(remove_u_boot_parameter(*both, on), pt) == row.before);
  CHECK(remove_u_boot_parameter(remove_u_boot_parameter(*both, pt), on) == row.before);
}

TEST_CASE("Whether u-boot-update has parameters of its own") {
  CHECK(u_boot_settings_say("U_BOOT_PARAMETERS=ro\n"));
  CHECK_FALSE(u_boot_settings_say("U_BOOT_PARAMETERS=ro\nU_BOOT_PARAMETERS=\n"));
  CHECK(u_boot_settings_say("U_BOOT_PARAMETERS=ro\nU_BOOT_PARAMETERS+=\"\"\n"));
  CHECK_FALSE(u_boot_settings_say("#U_BOOT_PARAMETERS=ro\nU_BOOT_ROOT=\"root=/dev/sda1\"\n"));
  // What is sourced later replaces.
  CHECK_FALSE(u_boot_settings_have("U_BOOT_PARAMETERS=iommu=pt\nU_BOOT_PARAMETERS=ro\n", pt));
}

TEST_CASE("What is added can be taken out again, byte for byte: u-boot-update's settings") {
  const auto edited = test::check_round_trips(
      {"U_BOOT_PARAMETERS=", "U_BOOT_PARAMETERS=\"", "\nU_BOOT_PARAMETERS=''\n", "\"\n", "'", "\"",
       "''", "ro quiet", " ", "\n", "\\", "#", "$(", ")", "${U_BOOT_PARAMETERS:-ro quiet}", ";",
       "# added by vfio-switch", "U_BOOT_PARAMETERS+=", "--"},
      add_u_boot_parameter, remove_u_boot_parameter, u_boot_settings_have);
  CHECK(edited > 5000);
}

}  // namespace vfio_switch
