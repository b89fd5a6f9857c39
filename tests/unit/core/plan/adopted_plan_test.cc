// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/adoption.h"
#include "core/files/own_paths.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "core/plan/config_plan.h"

namespace vfio_switch {

using test::at;
using test::codes;
using test::desktop;
using test::enable;
using test::find_refusal;
using test::has_text;
using test::network;
using test::written;

namespace {

const std::string vfio_conf(vfio_conf_path);

const Note* find_note(const Plan& plan, NoteCause cause) {
  const auto found = std::ranges::find(plan.notes, cause, &Note::cause);
  return found == plan.notes.end() ? nullptr : &*found;
}

PlanOptions with(EditedFiles edited) {
  PlanOptions options;
  options.edited = edited;
  return options;
}

/// What 00-vfio-softdep.conf of `plan` says.
std::string merged(const Plan& plan) {
  return written(plan, std::string(softdep_conf_path)).value_or("");
}

}  // namespace

TEST_CASE("What an adopted file says of other things stays, and what loses vfio-pci is named") {
  const auto facts =
      desktop()
          .with(network("04:00.0", "8086:15b8"))
          .file(
              vfio_conf,
              "options vfio-pci ids=10de:1d01,8086:15b8 disable_vga=1\noptions kvm ignore_msrs=1\n"
              "softdep nouveau pre: vfio-pci i915\n")
          .facts();
  const auto plan = enable(facts);
  CHECK(codes(plan.refusals).empty());
  const auto* const note = find_note(plan, NoteCause::others_lose_vfio);
  REQUIRE(note != nullptr);
  CHECK(note->data.front().items == std::vector<Item>{at("04:00.0")});
  CHECK(note->remedy == Remedy{own_command({"enable", "--device", "0000:01:00.0", "--add-device",
                                            "0000:04:00.0"})});
  REQUIRE(find_note(plan, NoteCause::lines_kept) != nullptr);
  CHECK_THAT(*written(plan, vfio_conf),
             has_text("options vfio-pci disable_vga=1\noptions kvm ignore_msrs=1\n"));
  // The line for nouveau would come first, and asks for more.
  CHECK_THAT(merged(plan), has_text("softdep nouveau pre: vfio-pci i915\n"));
}

TEST_CASE("Told to, ours replaces a file as a whole, or leaves it") {
  const auto facts =
      desktop().file(vfio_conf, "options vfio-pci ids=10de:1d01\nblacklist a\n").facts();
  const auto replaced = enable(facts, {}, with(EditedFiles::overwrite));
  CHECK(written(replaced, vfio_conf)->find("blacklist") == std::string::npos);
  CHECK(find_note(replaced, NoteCause::lines_kept) == nullptr);
  const auto kept = enable(facts, {}, with(EditedFiles::keep));
  CHECK(codes(kept.refusals).empty());
  CHECK_FALSE(written(kept, vfio_conf));
  // The file has no softdeps: ours stand beside it.
  CHECK_THAT(merged(kept), has_text("softdep nouveau pre: vfio-pci\n"));
}

TEST_CASE("Unasked, nobody's file is adopted") {
  const auto facts = desktop().file(vfio_conf, "options vfio-pci ids=10de:1d01\n").facts();
  PlanOptions options;
  options.may_adopt = false;
  const auto plan = enable(facts, {}, options);
  CHECK_FALSE(written(plan, vfio_conf));
  CHECK(find_note(plan, NoteCause::file_adopted) == nullptr);
}

TEST_CASE("A kept line that works against the binding is named where it stands") {
  for (const std::string line : {"blacklist vfio-pci", "install vfio-pci /bin/true"}) {
    const auto facts =
        desktop().file(vfio_conf, "# mine\noptions vfio-pci ids=10de:1d01\n" + line).facts();
    const auto plan = enable(facts);
    const auto* const refusal = find_refusal(plan.refusals, RefusalCode::config_conflict);
    REQUIRE(refusal != nullptr);
    CHECK(refusal->data.front() == Datum("place", Place{vfio_conf, 3}));
  }
}

}  // namespace vfio_switch
