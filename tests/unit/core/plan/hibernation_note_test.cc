// SPDX-License-Identifier: GPL-3.0-or-later
// Who is told to reboot, and not to hibernate.
#include "catch.h"
#include "core/facts_builder.h"
#include "core/plan/config_plan.h"
#include "core/plan/plan.h"
#include "told.h"

namespace vfio_switch {

using test::applied;
using test::desktop;
using test::enable;
using test::FactsBuilder;
using test::text_of;

namespace {

const char* const hibernates = "ro resume=/dev/sda2";

SystemFacts bound_to(const char* driver) {
  const auto bind = [&](PciDevice& device) { device.driver = driver; };
  return desktop().command_line(hibernates).change("01:00.0", bind).change("01:00.1", bind).facts();
}

std::vector<Note> notes(const Plan& plan, const SystemFacts& facts) {
  return warn_of_hibernation(plan, facts).notes;
}

}  // namespace

TEST_CASE("A switch that waits for a reboot says so where the machine hibernates") {
  const auto facts = desktop().command_line(hibernates).facts();
  const auto found = notes(enable(facts), facts);
  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == NoteCause::hibernation);
  CHECK(text_of(found[0]) ==
        "hibernation is set up (resume=/dev/sda2), and a system that resumes from it keeps the "
        "drivers that are bound now: reboot, and do not hibernate");
  const auto without = desktop().command_line("ro quiet").facts();
  CHECK(notes(enable(without), without).empty());
}

TEST_CASE("Disabled, the card stays with vfio-pci after hibernation as well") {
  const auto facts = bound_to("vfio-pci");
  const auto on = enable(facts);
  const auto after = applied(facts, on);
  const auto off = plan_disable(after, on.state, {});
  REQUIRE(off.outcome() == "change");
  CHECK(notes(off, after).size() == 1);
  const auto never_booted = applied(bound_to("nouveau"), on);
  CHECK(notes(plan_disable(never_booted, on.state, {}), never_booted).empty());
}

TEST_CASE("Nothing is said where nothing changes, or the drivers are right already") {
  const auto bound = bound_to("vfio-pci");
  CHECK(notes(enable(bound), bound).empty());
  const auto facts = desktop().command_line(hibernates).facts();
  const auto after = applied(facts, enable(facts));
  CHECK(notes(enable(after), after).empty());
  auto refused = enable(facts);
  refused.refusals.push_back({RefusalCause::escape_locked});
  CHECK(notes(refused, facts).empty());
}

}  // namespace vfio_switch
