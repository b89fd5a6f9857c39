// SPDX-License-Identifier: GPL-3.0-or-later
// What must hold for every machine, tried on many that a random generator made up. Each is made
// from its own seed, which is printed where a check fails.

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catch.h"
#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/cards/card.h"
#include "core/cards/selection.h"
#include "core/facts_builder.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/plan/config_plan.h"
#include "rounds.h"
#include "told.h"

namespace vfio_switch {

using test::applied;
using test::at;
using test::audio;
using test::bridge;
using test::codes;
using test::described;
using test::enable;
using test::FactsBuilder;
using test::Function;
using test::network;
using test::text_of;
using test::usb;
using test::usb_c;
using test::vga;
using test::written;

namespace {

const std::uint32_t machines = test::rounds(400);

/// Makes up a machine: a display for the host, one to three cards, other devices.
class RandomMachine {
 public:
  explicit RandomMachine(std::uint32_t seed) : random_(seed) {
    if (chance(80)) add_host_display();
    const auto cards = 1 + number(3);
    for (unsigned card = 0; card < cards; ++card) add_card();
    const auto others = number(4);
    for (unsigned other = 0; other < others; ++other) {
      auto device = network(address(next_bus_++, 0, 0), "8086:15b8");
      if (chance(20)) device.group(1 + number(3));
      functions_.push_back(device);
    }
  }

  [[nodiscard]] std::vector<Function>& functions() { return functions_; }

  [[nodiscard]] FactsBuilder builder() {
    FactsBuilder builder;
    for (const auto& function : functions_) builder.with(function);
    builder.kernel(test::desktop_kernel);
    if (chance(30)) builder.kernel("5.10.0-30-amd64");
    if (chance(20)) builder.embedded_softdeps("softdep nouveau pre: a,b\n");
    if (chance(20)) builder.modprobe("/lib/modprobe.d/amd.conf", "softdep amdgpu post: c\n");
    if (chance(10)) builder.file("/etc/modprobe.d/vfio-passthrough.conf", "blacklist nouveau\n");
    if (chance(10)) builder.iommu_off(IommuTable::dmar);
    return builder;
  }

  unsigned number(unsigned below) { return static_cast<unsigned>(random_() % below); }
  bool chance(unsigned percent) { return number(100) < percent; }
  std::mt19937& random() { return random_; }

 private:
  static std::string address(unsigned bus, unsigned device, unsigned function) {
    return to_hex(bus, 2) + ":" + to_hex(device, 2) + "." + to_hex(function, 1);
  }

  void add_host_display() {
    const bool processor = chance(70);
    auto display = processor ? vga("00:02.0", "8086:4680").driver("i915")
                             : vga(address(next_bus_++, 0, 0), "1a03:2000").driver("ast");
    if (chance(80)) {
      display.boots();
      has_boot_gpu_ = true;
    }
    if (chance(50)) display.monitor(chance(70));
    functions_.push_back(display);
  }

  void add_card() {
    // Few models, so that identical cards and shared ids happen.
    const bool nvidia = chance(60);
    const std::string vendor = nvidia ? "10de" : "1002";
    const auto model = std::to_string(number(4));
    const auto root = address(0, 8 + next_bus_, 0);
    std::vector<std::string> above = {root};
    functions_.push_back(bridge(root, "8086:460d"));
    if (chance(30)) {
      const std::string maker = chance(70) ? vendor : "1022";
      functions_.push_back(bridge(address(next_bus_, 0, 0), maker + ":1478"));
      above.push_back(address(next_bus_++, 0, 0));
      functions_.push_back(bridge(address(next_bus_, 0, 0), maker + ":1479"));
      above.push_back(address(next_bus_++, 0, 0));
    }
    const auto bus = next_bus_++;
    const bool grouped = chance(30);
    const auto group = 1 + number(3);
    const auto add = [&](Function function) {
      if (above.size() == 3) {
        function.behind({above[0], above[1], above[2]});
      } else {
        function.behind({above[0]});
      }
      if (grouped) function.group(group);
      functions_.push_back(function);
    };
    auto gpu =
        vga(address(bus, 0, 0), vendor + ":100" + model).driver(nvidia ? "nouveau" : "amdgpu");
    if (!has_boot_gpu_ && chance(30)) {
      gpu.boots();
      has_boot_gpu_ = true;
    }
    if (chance(30)) gpu.monitor(chance(50));
    add(gpu);
    if (chance(80)) add(audio(address(bus, 0, 1), vendor + ":200" + model).driver("snd_hda_intel"));
    if (chance(30)) add(usb(address(bus, 0, 2), vendor + ":300" + model));
    if (chance(30)) add(usb_c(address(bus, 0, 3), vendor + ":400" + model));
  }

  std::mt19937 random_;
  std::vector<Function> functions_;
  unsigned next_bus_ = 1;
  bool has_boot_gpu_ = false;
};

std::string text_of(const std::vector<Refusal>& refusals) {
  std::string text;
  for (const auto& refusal : refusals) {
    text += " " + std::string(to_string(refusal.code())) + "[" + text_of(refusal);
    for (const auto& device : refusal.devices) text += " " + device.str();
    text += "]";
  }
  return text;
}

/// Everything that is said about a candidate, to be compared.
std::string text_of(const Candidate& candidate) {
  std::string text = candidate.gpu.str() + (candidate.selected ? " selected:" : ":");
  for (const auto& function : candidate.functions) text += " " + function.str();
  return text + text_of(candidate.refusals) + "\n";
}

std::string text_of(const Selection& selection) {
  std::string text;
  for (const auto& gpu : selection.gpus) text += text_of(gpu);
  for (const auto& function : selection.functions) text += function.str() + " ";
  for (const auto& note : selection.notes) text += "note: " + text_of(note) + "\n";
  return text + text_of(selection.refusals);
}

/// Names each card of the machine in turn, and none.
std::vector<SelectionRequest> requests(const SystemFacts& facts) {
  std::vector<SelectionRequest> all = {{}};
  for (const auto& candidate : select(facts, {}).gpus) {
    all.push_back({{candidate.gpu}, {}, {}});
    all.push_back({{candidate.gpu}, {}, {RefusalCode::boot_gpu, RefusalCode::display_in_use}});
  }
  return all;
}

}  // namespace

TEST_CASE("The order in which devices and claims are found plays no part") {
  for (std::uint32_t seed = 0; seed < machines; ++seed) {
    INFO("seed " << seed);
    const auto plan_of = [&](bool shuffled) {
      RandomMachine machine(seed);
      if (shuffled) {
        std::mt19937 other(seed + 1);
        std::shuffle(machine.functions().begin(), machine.functions().end(), other);
      }
      const auto facts = machine.builder().facts();
      const auto selection = select(facts, {});
      auto claims = test::usual_claims(facts, selection.functions);
      if (shuffled) std::ranges::reverse(claims);
      const auto plan = plan_enable(facts, selection, claims, {});
      return std::pair(text_of(selection), plan.diff);
    };
    const auto [selection, diff] = plan_of(false);
    const auto [same_selection, same_diff] = plan_of(true);
    REQUIRE(selection == same_selection);
    REQUIRE((diff == same_diff));
  }
}

TEST_CASE("A device elsewhere, of a model of its own, changes nothing about any card") {
  for (std::uint32_t seed = 0; seed < machines; ++seed) {
    INFO("seed " << seed);
    RandomMachine machine(seed);
    auto builder = machine.builder();
    const auto before = select(builder.facts(), {});
    builder.with(machine.chance(50) ? network("f0:00.0", "8086:ffff")
                                    : usb("f0:00.0", "1b21:ffff"));
    REQUIRE(text_of(before) == text_of(select(builder.facts(), {})));
  }
}

TEST_CASE("A device in the group of an eligible card makes it group-shared") {
  unsigned tried = 0;
  for (std::uint32_t seed = 0; seed < machines; ++seed) {
    INFO("seed " << seed);
    RandomMachine machine(seed);
    const auto builder = machine.builder();
    const auto facts = builder.facts();
    for (const auto& candidate : select(facts, {}).gpus) {
      if (!candidate.eligible()) continue;
      for (const auto& function : candidate.functions) {
        ++tried;
        auto with_intruder = builder;
        with_intruder.with(
            network("f0:00.0", "8086:ffff").group(*find_device(facts, function)->iommu_group));
        const auto after = select(with_intruder.facts(), {});
        REQUIRE(codes(test::find_candidate(after, candidate.gpu.str())->refusals) ==
                std::vector{RefusalCode::group_shared});

        auto with_bridge = builder;
        with_bridge.with(
            bridge("f0:00.0", "8086:ffff").group(*find_device(facts, function)->iommu_group));
        REQUIRE(
            test::find_candidate(select(with_bridge.facts(), {}), candidate.gpu.str())->eligible());
      }
    }
  }
  REQUIRE(tried > machines / 4);  // the machines are not all hopeless
}

TEST_CASE("Carrying out a plan leaves nothing to do, also after disabling in between") {
  unsigned tried = 0;
  for (std::uint32_t seed = 0; seed < machines; ++seed) {
    INFO("seed " << seed);
    RandomMachine machine(seed);
    const auto facts = machine.builder().facts();
    for (const auto& request : requests(facts)) {
      const auto plan = enable(facts, request);
      if (plan.outcome() != "change") continue;
      ++tried;
      const auto after = applied(facts, plan);
      REQUIRE(described(enable(after, request).diff).empty());
      const auto kept = enable(after, {{}, plan.state.cards, request.accepted_risks});
      REQUIRE(kept.outcome() == "nothing");

      const auto off = plan_disable(after, plan.state, {});
      const auto disabled = applied(after, off);
      REQUIRE(plan_disable(disabled, off.state, {}).outcome() == "nothing");
      for (const auto path : generated_paths) {
        const auto* file = std::get_if<RegularFile>(&disabled.files.at(std::string(path)).state);
        REQUIRE((file == nullptr || (is_inert(file->content) && is_unmodified(file->content))));
      }
    }
  }
  REQUIRE(tried > machines / 4);
}

TEST_CASE("A plan names the selected card and nothing else") {
  for (std::uint32_t seed = 0; seed < machines; ++seed) {
    INFO("seed " << seed);
    RandomMachine machine(seed);
    const auto facts = machine.builder().facts();
    for (const auto& request : requests(facts)) {
      const auto selection = select(facts, request);
      std::set<PciAddress> card;
      for (const auto& gpu : selection.gpus) {
        if (gpu.selected) card.insert(gpu.functions.begin(), gpu.functions.end());
      }
      const auto plan = enable(facts, request);
      REQUIRE(std::set<PciAddress>(plan.functions.begin(), plan.functions.end()) == card);
      REQUIRE(std::ranges::is_sorted(plan.functions));
      if (plan.outcome() != "change") continue;

      const auto content = written(plan, vfio_conf_path);
      REQUIRE(content);
      const auto ids =
          ids_of_modprobe(parse_modprobe(ModprobeFile{std::string(vfio_conf_path), *content}));
      std::set<PciAddress> by_address;
      for (const auto& entry : plan.config.overrides) by_address.insert(entry.address);
      REQUIRE(ids.has_value() == by_address.empty());
      if (!ids) {
        REQUIRE(by_address == card);
        continue;
      }
      std::set<PciId> bound;
      for (const auto& id : ids->ids()) bound.insert(id.id);
      std::set<PciId> wanted;
      for (const auto& device : facts.devices) {
        const bool selected = card.contains(device.address);
        REQUIRE(bound.contains(device.id) == selected);  // nothing that stays has one of the ids
        REQUIRE((content->find(device.address.str()) != std::string::npos) == selected);
        if (selected) wanted.insert(device.id);
      }
      REQUIRE(bound == wanted);
    }
  }
}

TEST_CASE("What is taken without a name is never the host's only screen, nor shares a group") {
  unsigned tried = 0;
  for (std::uint32_t seed = 0; seed < machines; ++seed) {
    INFO("seed " << seed);
    RandomMachine machine(seed);
    const auto facts = machine.builder().facts();
    const auto plan = enable(facts);
    if (plan.outcome() != "change") continue;
    ++tried;
    const std::set<PciAddress> card(plan.functions.begin(), plan.functions.end());
    std::set<unsigned> groups;
    for (const auto& address : card) {
      const auto& device = *find_device(facts, address);
      REQUIRE(device.boot_vga != true);
      REQUIRE(device.address.bus != 0);
      REQUIRE(device.iommu_group);
      groups.insert(*device.iommu_group);
    }
    bool display_stays = false;
    for (const auto& device : facts.devices) {
      if (card.contains(device.address)) continue;
      display_stays = display_stays || device.device_class.is_display();
      REQUIRE((device.device_class.is_bridge() || !device.iommu_group ||
               !groups.contains(*device.iommu_group)));
    }
    REQUIRE(display_stays);
  }
  REQUIRE(tried > machines / 20);
}

}  // namespace vfio_switch
