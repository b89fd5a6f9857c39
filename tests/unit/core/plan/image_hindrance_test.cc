// SPDX-License-Identifier: GPL-3.0-or-later
// What plans make of the initramfs tool and its configuration.
#include <algorithm>

#include "catch.h"
#include "core/binding/generated_files.h"
#include "core/facts_builder.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/plan/plan.h"
#include "told.h"

namespace vfio_switch {

using test::applied;
using test::desktop;
using test::enable;
using test::find_refusal;
using test::has_text;
using test::removes;
using test::some_reason;
using test::text_of;
using test::written;

TEST_CASE("The drop-in for mkinitcpio is written where it is wanted, and else taken away") {
  auto facts = desktop().facts();
  CHECK(written(enable(facts), mkinitcpio_conf_path) == std::nullopt);
  facts.wants_mkinitcpio_drop_in = true;
  const auto plan = enable(facts);
  CHECK(written(plan, mkinitcpio_conf_path) == render_mkinitcpio_conf());
  auto after = applied(facts, plan);
  CHECK(enable(after).diff.empty());
  after.wants_mkinitcpio_drop_in = false;
  CHECK(removes(enable(after), mkinitcpio_conf_path));
}

TEST_CASE("Disabled, the drop-in has no effect") {
  const auto text = disabled_form(render_mkinitcpio_conf());
  CHECK(is_inert(text));
  CHECK(is_unmodified(text));
  CHECK_FALSE(is_inert(render_mkinitcpio_conf()));
}

TEST_CASE("What keeps images from being as they should refuses a plan; what does not is told") {
  auto facts = desktop().facts();
  facts.image_hindrances = {{{some_reason("/etc/a:1 is worth knowing")}, false}};
  auto plan = enable(facts);
  CHECK(plan.refusals.empty());
  CHECK(std::ranges::count(plan.notes, "/etc/a:1 is worth knowing",
                           [](const Note& note) { return text_of(note); }) == 1);

  facts.image_hindrances.push_back(
      {{some_reason("/etc/b:2 breaks every build"), {Manual{ByHand::reboot}}}, true});
  plan = enable(facts);
  const auto* refusal = find_refusal(plan.refusals, RefusalCode::config_conflict);
  REQUIRE(refusal != nullptr);
  CHECK(text_of(*refusal) == "/etc/b:2 breaks every build");
  CHECK(refusal->remedy == Remedy{Manual{ByHand::reboot}});
}

}  // namespace vfio_switch
