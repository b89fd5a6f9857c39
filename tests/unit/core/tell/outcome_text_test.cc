// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/outcome_text.h"

#include <string>

#include "catch.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::has_text;

namespace {

LoadOrder order(const std::string& kernel, const std::string& device, const std::string& winner) {
  LoadOrder one;
  one.kernel = kernel;
  one.device = at(device);
  one.winner = winner;
  one.proved = true;
  return one;
}

Plan plan_with(std::vector<LoadOrder> orders) {
  Plan plan;
  plan.state.intent = Intent::enabled;
  plan.functions = {at("01:00.0"), at("01:00.1")};
  plan.load_order = std::move(orders);
  return plan;
}

Plan enabled() {
  return plan_with({order("6.1", "01:00.0", "vfio-pci"), order("6.1", "01:00.1", "vfio-pci")});
}

}  // namespace

TEST_CASE("The next boot is told from the proof, not from the command") {
  CHECK(next_boot_sentence(enabled()) ==
        "At the next boot vfio-pci will take 0000:01:00.0 and 0000:01:00.1 (checked for kernel "
        "6.1)");
  // A rollback to somebody's own configuration, which took the card as well.
  auto rollback = enabled();
  rollback.state.intent = Intent::disabled;
  CHECK_THAT(next_boot_sentence(rollback), has_text("vfio-pci will take"));
  CHECK(next_boot_sentence(plan_with(
            {order("6.1", "01:00.0", "nouveau"), order("6.1", "01:00.1", "snd_hda_intel"),
             order("6.12", "01:00.0", "nouveau"), order("6.12", "01:00.1", "snd_hda_intel")})) ==
        "At the next boot nouveau will take 0000:01:00.0 and snd_hda_intel will take 0000:01:00.1 "
        "(checked for kernels 6.1 and 6.12)");
}

TEST_CASE("A kernel that leaves the card with the host is named") {
  CHECK(next_boot_sentence(plan_with(
            {order("6.1", "01:00.0", "vfio-pci"), order("6.1", "01:00.1", "vfio-pci"),
             order("6.12", "01:00.0", "nouveau"), order("6.12", "01:00.1", "snd_hda_intel")})) ==
        "At the next boot vfio-pci will take 0000:01:00.0 and 0000:01:00.1 (checked for kernel "
        "6.1); with kernel 6.12 nouveau will take 0000:01:00.0 and snd_hda_intel will take "
        "0000:01:00.1");
}

TEST_CASE("A function that nobody takes is said so, kernels that differ apart") {
  auto blacklisted = order("6.1", "01:00.0", "");
  blacklisted.winner.reset();
  CHECK(next_boot_sentence(plan_with({blacklisted, order("6.1", "01:00.1", "snd_hda_intel"),
                                      order("7.0", "01:00.0", "nova_core"),
                                      order("7.0", "01:00.1", "snd_hda_intel")})) ==
        "At the next boot no driver will take 0000:01:00.0 and snd_hda_intel will take "
        "0000:01:00.1 (checked for kernel 6.1); with kernel 7.0 nova_core will take 0000:01:00.0 "
        "and snd_hda_intel will take 0000:01:00.1");
}

TEST_CASE("What is not proved, or takes a table, is left to status") {
  auto unproved = enabled();
  unproved.load_order[1].proved = false;
  CHECK_THAT(next_boot_sentence(unproved), has_text("see 'vfio-switch status'"));
  auto mixed = enabled();
  mixed.load_order[1].winner = "snd_hda_intel";
  CHECK_THAT(next_boot_sentence(mixed), has_text("see 'vfio-switch status'"));
  CHECK(next_boot_sentence(plan_with({})).empty());
}

TEST_CASE("The way out is told where vfio-pci takes the card and the menu can be edited") {
  CHECK_THAT(test::plain(done_text(enabled(), true, {})), has_text("If the screen stays black"));
  auto locked = enabled();
  locked.command_line_locked = true;
  CHECK(test::plain(done_text(locked, true, {})).find("If the screen") == std::string::npos);
  const auto host = plan_with({order("6.1", "01:00.0", "nouveau"), order("6.1", "01:00.1", "snd")});
  CHECK(test::plain(done_text(host, true, {})).find("If the screen") == std::string::npos);
}

TEST_CASE("Images that were not rebuilt are named, and nothing is promised") {
  auto plan = enabled();
  plan.diff.emplace_back(RebuildInitramfs{"6.1", "/boot/initrd.img-6.1", test::some_reason()});
  plan.diff.emplace_back(BootParameters{{"update-grub"}, {}, {}, {}, test::some_reason()});
  const auto text = test::plain(done_text(plan, false, {}));
  CHECK_THAT(text, has_text("/boot/initrd.img-6.1 is out of date: rebuild it on that system, or "
                            "use --rebuild.\n"));
  CHECK_THAT(text, has_text("files are out of date: run update-grub on that system"));
  CHECK_THAT(text, has_text("Until the files named above are rebuilt, this may not be so."));
  CHECK(text.find("Reboot") == std::string::npos);
  CHECK(test::plain(done_text(plan, true, {})).find("out of date") == std::string::npos);
}

}  // namespace vfio_switch
