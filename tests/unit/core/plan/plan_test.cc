// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/plan.h"
#include "core/binding/driver_config.h"
#include "core/binding/override.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "catch.h"
#include "core/binding/generated_files.h"
#include "core/facts_builder.h"
#include "core/files/put_out.h"
#include "core/plan/conclusion.h"
#include "core/plan/config_plan.h"
#include "core/plan/image_plan.h"
#include "told.h"

namespace vfio_switch {

using test::applied;
using test::at;
using test::at_all;
using test::audio;
using test::codes;
using test::described;
using test::desktop;
using test::desktop_image;
using test::desktop_kernel;
using test::enable;
using test::FactsBuilder;
using test::find_refusal;
using test::has_text;
using test::id;
using test::network;
using test::removes;
using test::some_reason;
using test::text_of;
using test::vga;
using test::written;

namespace {

using Codes = std::vector<RefusalCode>;
using Words = std::vector<std::string>;

const std::string vfio_conf(vfio_conf_path);
const std::string softdep_conf(softdep_conf_path);
const std::string modules_load(modules_load_path);
const std::string rebuild = "rebuild " + std::string(desktop_image);

/// A plan for the desktop's card where libkmod finds `modules` for its GPU, in every kernel.
Plan enable_with_claimants(const SystemFacts& facts, const Words& modules) {
  const auto selection = select(facts, {});
  auto claims = test::usual_claims(facts, selection.functions);
  for (auto& claim : claims) {
    if (claim.device == at("01:00.0")) claim.modules = modules;
  }
  return plan_enable(facts, selection, claims, {});
}

/// What 00-vfio-softdep.conf of `plan` says about `module`; nothing where it does not.
std::optional<std::string> merged_line(const Plan& plan, const std::string& module) {
  const auto content = written(plan, softdep_conf);
  if (!content) return std::nullopt;
  const auto directives = parse_modprobe(ModprobeFile{softdep_conf, *content});
  const auto* line = effective_softdep(directives, module);
  return line == nullptr ? std::nullopt : std::optional(line->arguments);
}

State enabled_state() {
  return {Intent::enabled, {{at("01:00.0"), id("10de:1d01"), {}, {0x030000}}}, {}};
}

/// The desktop after an enable.
SystemFacts enabled_desktop() {
  const auto facts = desktop().facts();
  return applied(facts, enable(facts));
}

PlanOptions with(EditedFiles edited) {
  PlanOptions options;
  options.edited = edited;
  return options;
}

const FileChange& file_change(const Plan& plan, const std::string& path) {
  for (const auto& change : plan.diff) {
    const auto* file = std::get_if<FileChange>(&change);
    if (file != nullptr && file->path == path) return *file;
  }
  throw std::out_of_range(path);
}

}  // namespace

TEST_CASE("Enabling writes two files, then has the image rebuilt") {
  const auto plan = enable(desktop().facts());
  CHECK(plan.outcome() == "change");
  CHECK(codes(plan.refusals).empty());
  CHECK(described(plan.diff) == Words{"write " + vfio_conf, "write " + modules_load, rebuild});
  CHECK(plan.functions == at_all({"01:00.0", "01:00.1"}));
  CHECK((plan.state == enabled_state()));
  for (const auto& change : plan.diff) {
    CHECK_FALSE(text_of(reason_of(change)).empty());
  }
  const auto& change = file_change(plan, vfio_conf);
  CHECK(std::holds_alternative<Absent>(change.before));
  CHECK(std::get<RegularFile>(change.after).mode == 0644);
  CHECK(std::get<RegularFile>(change.after).uid == 0);
}

TEST_CASE("vfio.conf has a softdep for every claimant of every kernel, and the card's ids") {
  const auto facts = desktop().kernel("6.12.117").facts();
  const auto selection = select(facts, {});
  const auto claim = [](std::string_view kernel, std::string_view device, const Words& modules) {
    Claim made;
    made.kernel = kernel;
    made.device = at(device);
    made.modules = modules;
    return made;
  };
  auto claims = std::vector{claim("6.12.117", "01:00.0", {"nouveau", "nvidia"}),
                            claim("6.12.117", "01:00.1", {"snd_hda_intel"}),
                            claim(desktop_kernel, "01:00.0", {"nouveau", "nova_core"}),
                            claim(desktop_kernel, "01:00.1", {"snd_hda_intel"})};
  claims[0].dependants = {"nvidia_drm"};  // would load nvidia first
  const auto plan = plan_enable(facts, selection, claims, {});
  const auto content = written(plan, vfio_conf);
  REQUIRE(content);
  const auto directives = parse_modprobe(ModprobeFile{vfio_conf, *content});
  CHECK(directives.size() == 6);
  for (const auto* const module :
       {"nouveau", "nova_core", "nvidia", "nvidia_drm", "snd_hda_intel"}) {
    INFO(module);
    const auto* line = effective_softdep(directives, module);
    REQUIRE(line != nullptr);
    CHECK(line->arguments == "pre: vfio-pci");
  }
  CHECK(ids_of_modprobe(directives) == VfioIds::parse("10de:1d01,10de:0fb8"));
  CHECK(content->find("blacklist") == std::string::npos);
}

TEST_CASE("The configuration that a plan promises holds its files and everybody else's") {
  const auto plan =
      enable(desktop().modprobe("/etc/modprobe.d/other.conf", "options kvm a=1\n").facts());
  const auto directives = parse_modprobe(effective_modprobe(plan.config.modprobe));
  CHECK(ids_of_modprobe(directives) == VfioIds::parse("10de:1d01,10de:0fb8"));
  CHECK(std::ranges::any_of(directives, [](const auto& line) { return line.subject == "kvm"; }));
}

TEST_CASE("A softdep line that would be shadowed is merged into a file that sorts first") {
  struct Row {
    std::string what;
    FactsBuilder machine;
    std::optional<std::string> merged;
  };
  const auto nvidia_conf = [](std::string_view path, std::string_view line) {
    return desktop().modprobe(path, line);
  };
  const Row rows[] = {
      {"nobody shadows it", desktop(), std::nullopt},
      {"a vendor's nvidia.conf",
       nvidia_conf("/usr/lib/modprobe.d/nvidia.conf", "softdep nvidia post: nvidia-uvm\n"),
       "pre: vfio-pci post: nvidia-uvm"},
      {"a line in front and behind",
       nvidia_conf("/etc/modprobe.d/nvidia.conf", "softdep nvidia pre: i2c post: a b\n"),
       "pre: vfio-pci i2c post: a b"},
      {"a wildcard", nvidia_conf("/etc/modprobe.d/a.conf", "softdep nv* pre: i2c-core\n"),
       "pre: vfio-pci i2c-core"},
      {"a wildcard that fits everything",
       nvidia_conf("/etc/modprobe.d/a.conf", "softdep * pre: i2c-core\n"),
       "pre: vfio-pci i2c-core"},
      {"only the first of two lines counts",
       nvidia_conf("/etc/modprobe.d/a.conf", "softdep nvidia pre: a\nsoftdep nvidia pre: b\n"),
       "pre: vfio-pci a"},
      {"a line that loads vfio-pci itself",
       nvidia_conf("/etc/modprobe.d/a.conf", "softdep nvidia pre: vfio_pci i2c\n"),
       "pre: vfio-pci i2c"},
      {"a line that loads vfio-pci behind",
       nvidia_conf("/etc/modprobe.d/a.conf", "softdep nvidia post: vfio_pci i2c\n"),
       "pre: vfio-pci post: i2c"},
      {"a word twice, spelled in two ways",
       nvidia_conf("/etc/modprobe.d/a.conf", "softdep nvidia post: nvidia-uvm nvidia_uvm\n"),
       "pre: vfio-pci post: nvidia-uvm"},
      {"a line behind ours is shadowed by ours",
       nvidia_conf("/etc/modprobe.d/zz-nvidia.conf", "softdep nvidia post: nvidia-uvm\n"),
       std::nullopt},
      {"a line for another module",
       nvidia_conf("/etc/modprobe.d/a.conf", "softdep nvidia_drm post: x\n"), std::nullopt},
      {"the softdep that nvidia.ko carries, with a comma list",
       desktop().embedded_softdeps("softdep nvidia pre: ecdh_generic,ecdsa_generic\n"),
       "pre: vfio-pci ecdh_generic ecdsa_generic"},
      {"nvidia.ko's softdep is read before nvidia.conf",
       nvidia_conf("/etc/modprobe.d/nvidia.conf", "softdep nvidia post: nvidia-uvm\n")
           .embedded_softdeps("softdep nvidia pre: ecdh_generic\n"),
       "pre: vfio-pci ecdh_generic"},
      {"a.conf is read before nvidia.ko's softdep",
       nvidia_conf("/etc/modprobe.d/a.conf", "softdep nvidia post: nvidia-uvm\n")
           .embedded_softdeps("softdep nvidia pre: ecdh_generic\n"),
       "pre: vfio-pci post: nvidia-uvm"},
      {"an empty file in /etc hides the vendor's",
       nvidia_conf("/etc/modprobe.d/nvidia.conf", "")
           .modprobe("/usr/lib/modprobe.d/nvidia.conf", "softdep nvidia post: nvidia-uvm\n"),
       std::nullopt},
      {"the older tool's file goes, and shadows nothing",
       desktop().file("/etc/modprobe.d/nvidia-passthrough-blacklist.conf",
                      "softdep nvidia post: nvidia-uvm\n"),
       std::nullopt},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto plan = enable_with_claimants(row.machine.facts(), {"nouveau", "nvidia"});
    CHECK(codes(plan.refusals).empty());
    CHECK(merged_line(plan, "nvidia") == row.merged);
    const auto content = written(plan, vfio_conf);
    REQUIRE(content);
    CHECK_THAT(*content, has_text("\nsoftdep nvidia pre: vfio-pci\n"));
    // What counts in the end, whoever says it:
    for (const auto& kernel : row.machine.facts().kernels) {
      auto files = plan.config.modprobe;
      files.push_back(kernel.softdeps);
      const auto directives = parse_modprobe(effective_modprobe(files));
      const auto* line = effective_softdep(directives, "nvidia");
      REQUIRE(line != nullptr);
      CHECK(parse_softdep(line->arguments).pre.front() == "vfio-pci");
    }
  }
}

TEST_CASE("Kernels whose modules carry different softdeps get one line that serves both") {
  auto facts = desktop().kernel("6.12.117").facts();
  facts.kernels[0].softdeps.content = "softdep nvidia pre: ecdh_generic\n";
  facts.kernels[1].softdeps.content = "softdep nvidia pre: ecdsa_generic post: x\n";
  const auto line = merged_line(enable_with_claimants(facts, {"nvidia"}), "nvidia");
  REQUIRE(line);
  const auto softdep = parse_softdep(*line);
  REQUIRE(softdep.pre.size() == 3);
  CHECK(softdep.pre.front() == "vfio-pci");
  CHECK(std::set<std::string>(softdep.pre.begin(), softdep.pre.end()) ==
        std::set<std::string>{"vfio-pci", "ecdh_generic", "ecdsa_generic"});
  CHECK(softdep.post == Words{"x"});
}

TEST_CASE("The merged lines go when nothing shadows ours any more") {
  auto facts = desktop().embedded_softdeps("softdep nouveau pre: x\n").facts();
  facts = applied(facts, enable(facts));
  CHECK(std::holds_alternative<RegularFile>(facts.files.at(softdep_conf).state));
  facts.kernels[0].softdeps.content.clear();
  const auto plan = enable(facts);
  CHECK(described(plan.diff) == Words{"remove " + softdep_conf, rebuild});
}

TEST_CASE("What the older tool left behind is removed, and stands in nobody's way") {
  const auto facts =
      desktop()
          .file("/etc/modprobe.d/nvidia-passthrough-blacklist.conf", "blacklist nouveau\n")
          .file("/etc/modprobe.d/vfio-passthrough.conf", "options vfio-pci ids=8086:15b8\n")
          .file("/etc/modules-load.d/vfio-passthrough.conf", "vfio-pci\n")
          .file("/etc/systemd/system/nvidia-passthrough.service", "[Unit]\n")
          .facts();
  const auto plan = enable(facts);
  CHECK(codes(plan.refusals).empty());
  for (const auto path : legacy_paths) {
    INFO(path);
    CHECK(removes(plan, path));
  }
  const auto directives = parse_modprobe(effective_modprobe(plan.config.modprobe));
  CHECK(ids_of_modprobe(directives) == VfioIds::parse("10de:1d01,10de:0fb8"));
  CHECK(std::ranges::none_of(directives,
                             [](const auto& line) { return line.command == "blacklist"; }));
}

TEST_CASE("A file that somebody edited is refused, replaced or left, as asked") {
  const auto edited = [] {
    auto facts = enabled_desktop();
    std::get<RegularFile>(facts.files.at(vfio_conf).state).content +=
        "options vfio-pci disable_idle_d3=1\n";
    return facts;
  }();
  SECTION("refused") {
    const auto plan = enable(edited);
    CHECK(plan.outcome() == "refused");
    REQUIRE(codes(plan.refusals) == Codes{RefusalCode::user_edited});
    CHECK_THAT(text_of(plan.refusals[0]), has_text(vfio_conf));
    CHECK_THAT(text_of(plan.refusals[0].remedy), has_text("--force-ours"));
    CHECK_THAT(text_of(plan.refusals[0].remedy), has_text("--keep-mine"));
    CHECK_FALSE(written(plan, vfio_conf));
  }
  SECTION("replaced") {
    const auto plan = enable(edited, {}, with(EditedFiles::overwrite));
    CHECK(codes(plan.refusals).empty());
    const auto content = written(plan, vfio_conf);
    REQUIRE(content);
    CHECK(is_unmodified(*content));
    CHECK_THAT(std::get<RegularFile>(file_change(plan, vfio_conf).before).content,
               has_text("disable_idle_d3"));
  }
  SECTION("left") {
    const auto plan = enable(edited, {}, with(EditedFiles::keep));
    CHECK(codes(plan.refusals).empty());
    CHECK_FALSE(written(plan, vfio_conf));
    REQUIRE(plan.notes.size() == 1);
    CHECK(text_of(plan.notes[0]) == vfio_conf + " stays as it is");
  }
  SECTION("put out of effect when disabling, and asked about when enabling again") {
    const auto out = plan_disable(edited, enabled_state(), {});
    CHECK(codes(out.refusals).empty());
    const auto content = written(out, vfio_conf);
    REQUIRE(content);
    CHECK(is_inert(*content));
    const auto before = std::get<RegularFile>(file_change(out, vfio_conf).before).content;
    CHECK(put_back(*content) == before);
    auto later = edited;
    later.files[std::string(vfio_conf)] = {RegularFile{*content, 0644, 0, 0}};
    CHECK(codes(enable(later).refusals) == Codes{RefusalCode::user_edited});
    CHECK(written(enable(later, {}, with(EditedFiles::keep)), vfio_conf) == before);
    CHECK(is_unmodified(*written(enable(later, {}, with(EditedFiles::overwrite)), vfio_conf)));
    const auto kept = plan_disable(edited, enabled_state(), with(EditedFiles::keep));
    CHECK_FALSE(written(kept, vfio_conf));
    CHECK(written(kept, modules_load));
    const auto forced = plan_disable(edited, enabled_state(), with(EditedFiles::overwrite));
    REQUIRE(written(forced, vfio_conf));
    CHECK(is_inert(*written(forced, vfio_conf)));
  }
}

TEST_CASE("An edit of our file is the user's even where it changes no meaning") {
  auto facts = enabled_desktop();
  std::get<RegularFile>(facts.files.at(vfio_conf).state).content += "# do not touch, Alice\n";
  CHECK(codes(enable(facts).refusals) == Codes{RefusalCode::user_edited});
}

TEST_CASE("A link or directory in the place of our file is not ours to replace") {
  const std::pair<FileState, std::string> rows[] = {
      {SymbolicLink{"/dev/null"}, "not a regular file"},
      {Directory{0755, 0, 0}, "is a directory"},
  };
  for (const auto& [state, words] : rows) {
    const auto facts = desktop().file(vfio_conf, state).facts();
    const auto plan = enable(facts);
    REQUIRE(codes(plan.refusals) == Codes{RefusalCode::user_edited});
    CHECK_THAT(text_of(plan.refusals[0]), has_text(words));
  }
}

TEST_CASE("A file that says what ours would say is adopted, and a note says so") {
  const auto facts =
      desktop()
          .file(vfio_conf, "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01\n")
          .file(modules_load, "vfio\nvfio-pci\n")
          .facts();
  const auto plan = enable(facts);
  CHECK(codes(plan.refusals).empty());
  CHECK(plan.notes.size() == 2);
  CHECK(described(plan.diff) == Words{"write " + vfio_conf, "write " + modules_load, rebuild});
}

TEST_CASE("A second plan on what the first one left has nothing to do") {
  struct Row {
    std::string what;
    FactsBuilder machine;
  };
  const Row rows[] = {
      {"an ordinary desktop", desktop()},
      {"with a shadowing line", desktop().embedded_softdeps("softdep nouveau pre: a,b\n")},
      {"with the older tool's files",
       desktop()
           .file("/etc/modprobe.d/vfio-passthrough.conf", "options vfio-pci ids=10de:1d01\n")
           .file("/etc/systemd/system/nvidia-passthrough.service", "[Unit]\n")},
      {"with an adopted file", desktop().file(vfio_conf, "options vfio-pci ids=10de:1d01\n")},
      {"with a file of which lines are kept",
       desktop().file(vfio_conf, "# c\nblacklist a\noptions vfio-pci ids=10de:1d01\n")},
      {"with two kernels, one without vfio-pci", desktop().kernel("5.10-old", ModuleForm::missing)},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto facts = row.machine.facts();
    const auto first = enable(facts);
    REQUIRE(first.outcome() == "change");
    const auto second = enable(applied(facts, first));
    CHECK(described(second.diff).empty());
    CHECK(second.outcome() == "nothing");
    CHECK((second.state == first.state));
    CHECK((second.config.modprobe == applied(facts, first).modprobe));

    const auto off = plan_disable(applied(facts, first), first.state, {});
    CHECK(off.outcome() == "change");
    const auto off_facts = applied(applied(facts, first), off);
    CHECK(plan_disable(off_facts, off.state, {}).outcome() == "nothing");

    const auto again = enable(off_facts);
    CHECK(again.outcome() == "change");
    CHECK(codes(again.refusals).empty());
    const auto same = applied(off_facts, again);
    for (const auto path : generated_paths) {
      CHECK((same.files.at(std::string(path)).state ==
             applied(facts, first).files.at(std::string(path)).state));
    }
  }
}

TEST_CASE("Disabling what was never enabled does nothing") {
  const auto facts = desktop().file(vfio_conf, "options vfio-pci ids=8086:15b8\n").facts();
  const auto plan = plan_disable(facts, {}, {});
  CHECK(plan.outcome() == "nothing");
  CHECK(described(plan.diff).empty());
  CHECK((plan.config.modprobe == facts.modprobe));
}

TEST_CASE("Disabling comments our files out, all of them, and no other") {
  auto facts = desktop()
                   .embedded_softdeps("softdep nouveau pre: x\n")
                   .modprobe("/etc/modprobe.d/other.conf", "options kvm a=1\n")
                   .facts();
  facts = applied(facts, enable(facts));
  const auto plan = plan_disable(facts, enabled_state(), {});
  CHECK(plan.state.intent == Intent::disabled);
  CHECK((plan.state.cards == enabled_state().cards));
  CHECK(plan.functions == at_all({"01:00.0", "01:00.1"}));
  CHECK(described(plan.diff) ==
        Words{"write " + softdep_conf, "write " + vfio_conf, "write " + modules_load, rebuild});
  for (const auto& path : {softdep_conf, vfio_conf, modules_load}) {
    INFO(path);
    REQUIRE(written(plan, path));
    CHECK(is_inert(*written(plan, path)));
    CHECK(is_unmodified(*written(plan, path)));
  }
  const auto directives = parse_modprobe(effective_modprobe(plan.config.modprobe));
  CHECK(directives.size() == 1);  // other.conf's
}

TEST_CASE("Disabling leaves a file alone that has no effect, whoever wrote it") {
  const auto facts = desktop().file(vfio_conf, "# mine\n").facts();
  CHECK(plan_disable(facts, enabled_state(), {}).outcome() == "nothing");
}

TEST_CASE("Disabling works when the card is gone") {
  auto facts = enabled_desktop();
  std::erase_if(facts.devices, [](const PciDevice& device) { return device.address.bus == 1; });
  const auto plan = plan_disable(facts, enabled_state(), {});
  CHECK(codes(plan.refusals).empty());
  CHECK(plan.functions.empty());
  CHECK(written(plan, vfio_conf));
}

TEST_CASE("Every kernel with an image gets it rebuilt, once, after the files") {
  auto facts = desktop().kernel("5.10-old", ModuleForm::missing).kernel("6.99-no-image").facts();
  facts.kernels[2].initramfs.reset();
  const auto plan = enable(facts);
  CHECK(described(plan.diff) == Words{"write " + vfio_conf, "write " + modules_load, rebuild,
                                      "rebuild /boot/initrd.img-5.10-old"});
}

TEST_CASE("An image is rebuilt without a change of files only if it falls short, or on request") {
  struct Row {
    std::string what;
    std::optional<bool> staged;
    PlanOptions options;
    bool rebuilt;
  };
  PlanOptions no_tool;
  no_tool.can_rebuild = false;
  PlanOptions elsewhere;
  elsewhere.built_elsewhere = desktop_kernel;
  PlanOptions other;
  other.built_elsewhere = "5.10-old";
  PlanOptions forced;
  forced.force_rebuild = true;
  const Row rows[] = {
      {"proved", true, {}, false},
      {"unknown", std::nullopt, {}, false},
      {"stale", false, {}, true},
      {"stale, but no tool may run", false, no_tool, false},
      {"stale, but built elsewhere", false, elsewhere, false},
      {"stale, and another one is built elsewhere", false, other, true},
      {"proved, --rebuild", true, forced, true},
      {"stale, --rebuild", false, forced, true},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto facts = enabled_desktop();
    auto plan = enable(facts, {}, row.options);
    plan.add(rebuild_unproved(
        plan, facts, {{std::string(desktop_kernel), {row.staged, some_reason()}}}, row.options));
    CHECK(described(plan.diff) == (row.rebuilt ? Words{rebuild} : Words{}));
  }
}

TEST_CASE(
    "Of several images those that fall short are built, and of a plan that changes files all") {
  const auto fresh = desktop().kernel("5.10-old").facts();
  const auto facts = applied(fresh, enable(fresh));
  const ImageVerdicts images = {{std::string(desktop_kernel), {true, {}}},
                                {"5.10-old", {false, some_reason()}}};
  auto plan = enable(facts);
  plan.add(rebuild_unproved(plan, facts, images, {}));
  REQUIRE(described(plan.diff) == Words{"rebuild /boot/initrd.img-5.10-old"});
  CHECK(std::get<RebuildInitramfs>(plan.diff[0]).reason == some_reason());

  auto state = enabled_state();
  state.intent = Intent::disabled;
  const auto off = applied(facts, plan_disable(facts, enabled_state(), {}));
  plan = plan_disable(off, state, {});
  plan.add(rebuild_unproved(plan, off, images, {}));
  CHECK(described(plan.diff) == Words{"rebuild /boot/initrd.img-5.10-old"});

  plan = enable(fresh);
  const auto before = described(plan.diff);
  plan.add(rebuild_unproved(plan, fresh, images, {}));
  CHECK(described(plan.diff) == before);
}

TEST_CASE("An image is not rebuilt where /boot is not mounted") {
  auto facts = enabled_desktop();
  facts.unmounted = {"/boot"};
  auto plan = enable(facts);
  plan.add(
      rebuild_unproved(plan, facts, {{std::string(desktop_kernel), {false, some_reason()}}}, {}));
  CHECK(codes(plan.refusals) == Codes{RefusalCode::boot_not_mounted});
  CHECK(plan.diff.empty());
}

TEST_CASE("A plan is refused for what is said against the selection, and changes nothing") {
  SECTION("nobody was selected") {
    const auto facts =
        desktop().with(vga("02:00.0", "10de:2d04")).with(audio("02:00.1", "10de:22eb")).facts();
    const auto plan = enable(facts);
    CHECK(plan.outcome() == "refused");
    CHECK(codes(plan.refusals) == Codes{RefusalCode::ambiguous});
    CHECK(plan.diff.empty());
    CHECK((plan.config.modprobe == facts.modprobe));
  }
  SECTION("the card was named, and is unsafe") {
    const auto facts = desktop().with(test::network("03:00.0", "8086:15b8").group(1)).facts();
    const auto plan = enable(facts, {{at("01:00.0")}, {}, {}});
    CHECK(plan.outcome() == "refused");
    CHECK(plan.functions == at_all({"01:00.0", "01:00.1"}));
  }
  SECTION("a conflict names file and line") {
    const auto facts = desktop().modprobe("/etc/modprobe.d/x.conf", "blacklist vfio-pci\n").facts();
    const auto plan = enable(facts);
    REQUIRE(codes(plan.refusals) == Codes{RefusalCode::config_conflict});
    CHECK_THAT(text_of(plan.refusals[0]), has_text("/etc/modprobe.d/x.conf:1"));
  }
}

TEST_CASE("Lines of a file that our own hides shadow nothing") {
  const auto facts =
      desktop().modprobe("/usr/lib/modprobe.d/vfio.conf", "softdep nvidia post: x\n").facts();
  const auto plan = enable_with_claimants(facts, {"nvidia"});
  CHECK_FALSE(merged_line(plan, "nvidia"));
}

TEST_CASE("Lines of a file that our own hides are no conflict") {
  const auto facts =
      desktop()
          .modprobe("/usr/lib/modprobe.d/vfio.conf", "options vfio-pci ids=8086:15b8\n")
          .facts();
  CHECK(codes(enable(facts).refusals).empty());
}

TEST_CASE("An IOMMU that one parameter turns on is that parameter's refusal") {
  const auto refused = [](IommuTable table, std::string_view command_line) {
    const auto facts = desktop().iommu_off(table).command_line(command_line).facts();
    return codes(enable(facts, {{at("01:00.0")}, {}, {}}).refusals);
  };
  CHECK(refused(IommuTable::dmar, "quiet") == Codes{RefusalCode::boot_parameter});
  CHECK(refused(IommuTable::dmar, "intel_iommu=off") == Codes{RefusalCode::iommu_off});
  CHECK(refused(IommuTable::ivrs, "quiet") == Codes{RefusalCode::iommu_off});
  CHECK(refused(IommuTable::none, "quiet") == Codes{RefusalCode::iommu_off});
}

TEST_CASE("A module with an install command gets no softdep, which would switch the command off") {
  const auto facts =
      desktop()
          .modprobe("/etc/modprobe.d/nvidia.conf", "install nvidia modprobe -i nvidia-current\n")
          .facts();
  const auto plan = enable_with_claimants(facts, {"nouveau", "nvidia"});
  const auto content = written(plan, vfio_conf);
  REQUIRE(content);
  CHECK(content->find("softdep nvidia ") == std::string::npos);
  CHECK_THAT(*content, has_text("softdep nouveau pre: vfio-pci\n"));
  CHECK_FALSE(merged_line(plan, "nvidia"));
}

namespace {

/// The desktop with a second card that differs from the first only in its place.
FactsBuilder twins() {
  return desktop()
      .with(vga("02:00.0", "10de:1d01").subsystem("1043:8746"))
      .with(audio("02:00.1", "10de:0fb8").subsystem("1043:8746"))
      .change("01:00.0", [](PciDevice& d) { d.subsystem = id("1043:8746"); });
}

const SelectionRequest first_card = {{at("01:00.0")}, {}, {}};

}  // namespace

TEST_CASE("Where a device that stays has one of the ids, the card is bound by address") {
  struct Row {
    std::string what;
    FactsBuilder machine;
    bool by_address;
  };
  const Row rows[] = {
      {"no other card", desktop(), false},
      {"an identical card", twins(), true},
      {"another card with the same sound",
       desktop().with(vga("02:00.0", "10de:1b80")).with(audio("02:00.1", "10de:0fb8")), true},
      {"another card of that vendor",
       desktop().with(vga("02:00.0", "10de:1b80")).with(audio("02:00.1", "10de:10f0")), false},
      {"a device of the board with the same id", desktop().with(network("03:00.0", "10de:0fb8")),
       true},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto plan = enable(row.machine.facts(), first_card);
    CHECK(codes(plan.refusals).empty());
    const auto conf = written(plan, vfio_conf);
    REQUIRE(conf);
    const auto directives = parse_modprobe(ModprobeFile{vfio_conf, *conf});
    CHECK(ids_of_modprobe(directives).has_value() != row.by_address);
    CHECK(binds_by_address(directives) == row.by_address);
    CHECK_THAT(*conf, has_text("softdep nouveau pre: vfio-pci\n"));
    CHECK(written(plan, override_path).has_value() == row.by_address);
    CHECK(plan.config.overrides.size() == (row.by_address ? 2 : 0));
  }
}

TEST_CASE("By address the file names the card's functions and no others") {
  const auto plan = enable(twins().facts(), first_card);
  const std::vector<OverrideEntry> wanted = {
      {at("01:00.0"), id("10de:1d01"), id("1043:8746")},
      {at("01:00.1"), id("10de:0fb8"), id("0000:0000")},
  };
  CHECK((plan.config.overrides == wanted));
  CHECK((parse_override(written(plan, override_path).value_or("")) == wanted));
}

TEST_CASE("Identical cards that leave together are bound by their ids") {
  const auto plan = enable(twins().facts(), {{at("01:00.0"), at("02:00.0")}, {}, {}});
  CHECK(codes(plan.refusals).empty());
  CHECK(plan.config.overrides.empty());
}

TEST_CASE("A driver that is built into one kernel makes it by address, which is no conflict") {
  const auto facts = desktop().facts();
  const auto selection = select(facts, {});
  auto claims = test::usual_claims(facts, selection.functions);
  claims[1].modules.clear();
  claims[1].built_in = {"snd_hda_intel"};
  const auto plan = plan_enable(facts, selection, claims, {});
  CHECK(codes(plan.refusals).empty());
  CHECK(plan.config.overrides.size() == 2);
}

TEST_CASE("What was taken by address stays so: who had it before cannot be seen any more") {
  const auto taken = [](std::string_view driver, std::string_view override, bool listed) {
    auto machine = desktop().change("01:00.1", [&](PciDevice& device) {
      device.driver = driver;
      device.driver_override = override;
    });
    if (listed) machine.file(override_path, render_override({}));
    return !enable(machine.facts()).config.overrides.empty();
  };
  CHECK(taken("vfio-pci", "vfio-pci", true));
  CHECK_FALSE(taken("vfio-pci", "vfio-pci", false));  // libvirt sets it too
  CHECK_FALSE(taken("vfio-pci", "", true));
  CHECK_FALSE(taken("snd_hda_intel", "", true));
}

TEST_CASE("When the twin is taken out, the ids serve again, and the override goes") {
  const auto facts = twins().facts();
  const auto plan = enable(facts, first_card);
  auto after = applied(facts, plan);
  std::erase_if(after.devices, [](const PciDevice& d) { return d.address.bus == 2; });
  const auto again = enable(after, {{}, plan.state.cards, {}});
  CHECK(removes(again, override_path));
  CHECK_THAT(written(again, vfio_conf).value_or(""), has_text("options vfio-pci ids="));
}

TEST_CASE("Disabled, no line of the override file is left") {
  const auto facts = twins().facts();
  const auto plan = enable(facts, first_card);
  const auto after = applied(facts, plan);
  CHECK((current_config(after) == plan.config));
  const auto off = plan_disable(after, plan.state, {});
  CHECK(codes(off.refusals).empty());
  CHECK(off.config.overrides.empty());
  const auto content = written(off, override_path);
  REQUIRE(content);
  CHECK(is_inert(*content));
  CHECK(is_unmodified(*content));
}

TEST_CASE("By address without the package's script is said, since the host would keep the card") {
  auto facts = twins().facts();
  const auto mentions = [](const Plan& plan) {
    return std::ranges::any_of(
        plan.notes, [](const Note& note) { return note.cause == NoteCause::bind_script_missing; });
  };
  CHECK(mentions(enable(facts, first_card)));
  facts.bind_script = true;
  CHECK_FALSE(mentions(enable(facts, first_card)));
  CHECK_FALSE(mentions(enable(desktop().facts())));
}

TEST_CASE("Somebody else's override file is not overwritten") {
  const auto facts = twins().file(override_path, "0000:05:00.0 10de:1d01:0000:0000\n").facts();
  CHECK(codes(enable(facts, first_card).refusals) == Codes{RefusalCode::user_edited});
}

TEST_CASE("In a root whose hardware is somebody else's nothing is enabled") {
  auto facts = desktop().facts();
  facts.foreign_environment = ReasonCause::in_chroot;
  const auto plan = enable(facts);
  REQUIRE(codes(plan.refusals) == Codes{RefusalCode::foreign_environment});
  CHECK_THAT(text_of(plan.refusals[0]), has_text("a chroot"));
}

TEST_CASE("A boot file system that is not mounted stops a change, and nothing else") {
  auto facts = desktop().facts();
  facts.unmounted = {"/boot"};
  const auto plan = enable(facts);
  REQUIRE(codes(plan.refusals) == Codes{RefusalCode::boot_not_mounted});
  CHECK_THAT(text_of(plan.refusals[0]), has_text("/boot is in /etc/fstab but is not mounted"));
  CHECK(text_of(plan.refusals[0].remedy) == "Run:\n  mount /boot\n");

  auto enabled = enabled_desktop();
  enabled.unmounted = {"/boot"};
  CHECK(enable(enabled).outcome() == "nothing");
  CHECK(codes(plan_disable(enabled, enabled_state(), {}).refusals) ==
        Codes{RefusalCode::boot_not_mounted});
}

TEST_CASE("What libkmod does not prove is a refusal") {
  struct Row {
    std::string what;
    ModuleForm vfio_pci;
    std::optional<std::string> winner;
    bool proved;
    bool refused;
  };
  const Row rows[] = {
      {"vfio-pci wins, proved", ModuleForm::loadable, "vfio-pci", true, false},
      {"vfio-pci would win, not proved", ModuleForm::loadable, "vfio-pci", false, true},
      {"nouveau wins", ModuleForm::loadable, "nouveau", true, true},
      {"nobody wins", ModuleForm::loadable, std::nullopt, true, true},
      {"nouveau wins in a kernel without vfio-pci", ModuleForm::missing, "nouveau", true, false},
      {"something unproved in a kernel without vfio-pci", ModuleForm::missing, "nouveau", false,
       true},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    auto facts = desktop().kernel("6.99", row.vfio_pci).facts();
    auto plan = enable(facts);
    REQUIRE(codes(plan.refusals).empty());
    std::vector<LoadOrder> orders(4);
    for (std::size_t i = 0; i < orders.size(); ++i) {
      orders[i].kernel = i < 2 ? std::string(desktop_kernel) : "6.99";
      orders[i].device = plan.functions[i % 2];
      orders[i].winner = "vfio-pci";
      orders[i].proved = true;
    }
    orders[3].winner = row.winner;
    orders[3].proved = row.proved;
    orders[3].reason = some_reason();
    plan = concluded(std::move(plan), orders, facts);
    CHECK((plan.load_order == orders));
    CHECK(codes(plan.refusals) == (row.refused ? Codes{RefusalCode::config_conflict} : Codes{}));
    if (!row.refused) continue;
    CHECK(plan.refusals[0].devices == at_all({"01:00.1"}));
    CHECK_THAT(text_of(plan.refusals[0]), has_text("6.99"));
    CHECK_THAT(text_of(plan.refusals[0]), has_text("because"));
  }
}

TEST_CASE("What nobody can know is noted once, and refused to those who asked for nothing") {
  const auto facts = desktop().kernel("6.99", ModuleForm::missing).facts();
  const auto with_orders = [&](const std::string& winner, ReasonCause cause) {
    auto plan = enable(facts);
    std::vector<LoadOrder> orders;
    for (const auto& kernel : facts.kernels) {
      for (const auto& function : plan.functions) {
        LoadOrder order{kernel.release, function, {}, {}, winner, Stage::root, false, cause};
        orders.push_back(std::move(order));
      }
    }
    return concluded(std::move(plan), orders, facts);
  };
  using enum ReasonCause;
  for (const auto cause : {file_unread, image_file_unread, command_unclear, commands_in_circle}) {
    auto plan = with_orders("vfio-pci", cause);
    CHECK(codes(plan.refusals).empty());
    CHECK_FALSE(plan.diff.empty());
    CHECK(std::ranges::count(plan.notes, NoteCause::not_proved, &Note::cause) == 1);
    plan = refused_if_undecided(std::move(plan));
    CHECK(codes(plan.refusals) == Codes(4, RefusalCode::config_conflict));
    CHECK(plan.diff.empty());
    CHECK(std::ranges::count(plan.notes, NoteCause::not_proved, &Note::cause) == 0);
  }
  // Another driver comes first, whatever the file says.
  CHECK(codes(with_orders("nouveau", file_unread).refusals) ==
        Codes(2, RefusalCode::config_conflict));
  CHECK(codes(with_orders("vfio-pci", loaded_by_name).refusals) ==
        Codes(4, RefusalCode::config_conflict));
}

TEST_CASE("Where another line decides the order, it is named") {
  const auto facts =
      desktop().modprobe("/etc/modprobe.d/00-a.conf", "\nsoftdep nouveau pre: x\n").facts();
  LoadOrder order;
  order.kernel = desktop_kernel;
  order.device = at("01:00.0");
  order.contenders = {"nouveau", "vfio_pci"};
  order.winner = "nouveau";
  order.proved = true;
  const auto plan = concluded(enable(facts), {order}, facts);
  REQUIRE(codes(plan.refusals) == Codes{RefusalCode::config_conflict});
  CHECK_THAT(text_of(plan.refusals[0]), has_text("/etc/modprobe.d/00-a.conf:2"));
}

TEST_CASE("A plan to disable, or one that is refused anyway, needs no proof") {
  LoadOrder unproved;
  unproved.kernel = desktop_kernel;
  unproved.device = at("01:00.0");
  unproved.winner = "nouveau";
  const auto off = concluded(plan_disable(enabled_desktop(), enabled_state(), {}), {unproved},
                             enabled_desktop());
  CHECK(codes(off.refusals).empty());
  CHECK(off.load_order.size() == 1);

  const auto facts = desktop().modprobe("/etc/modprobe.d/x.conf", "blacklist vfio-pci\n").facts();
  const auto refused = concluded(enable(facts), {unproved}, facts);
  CHECK(codes(refused.refusals) == Codes{RefusalCode::config_conflict});
}

TEST_CASE("Devices that lose vfio-pci by a plan are named, and no others") {
  const auto machine = [](const std::string& path) {
    return desktop()
        .with(test::network("05:00.0", "14e4:43a0"))
        .with(test::bridge("07:00.0", "1002:1478"))
        .modprobe(path, "options vfio-pci ids=10de:1d01,10de:0fb8,14e4:43a0,1002:1478\n")
        .facts();
  };
  const auto lost = [](const Plan& plan) {
    std::string text;
    for (const auto& note : plan.notes) {
      if (note.cause == NoteCause::others_lose_vfio) text += text_of(note);
    }
    return text;
  };
  const std::string named = "0000:05:00.0 is no longer given to vfio-pci";
  CHECK(lost(enable(machine("/etc/modprobe.d/a.conf"))) == named);
  // What is read after vfio.conf counts.
  CHECK(lost(enable(machine("/etc/modprobe.d/zz.conf"))).empty());
  CHECK(lost(enable(desktop().facts())).empty());
}

}  // namespace vfio_switch
