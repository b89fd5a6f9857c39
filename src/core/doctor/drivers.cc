// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/binding/obstacle.h"
#include "core/binding/shadowing.h"
#include "core/binding/vfio_binding.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"
#include "core/doctor/tools.h"
#include "core/images/module_list.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

std::set<std::string> claimants(const Examination& examination) {
  std::set<std::string> modules;
  for (const auto& claim : examination.claims) {
    modules.insert(claim.modules.begin(), claim.modules.end());
  }
  return modules;
}

/// True where some function of the card goes to another driver with the next boot.
bool is_lost(const Examination& examination) {
  return std::ranges::any_of(examination.load_order,
                             [](const LoadOrder& order) { return !order.vfio_wins(); });
}

void check_softdeps(const Examination& examination, std::vector<Finding>& findings) {
  const auto modules = claimants(examination);
  std::set<std::string> said;
  for (const auto& kernel : examination.facts.kernels) {
    auto files = examination.facts.modprobe;
    files.push_back(kernel.softdeps);
    const auto lines = parse_modprobe(effective_modprobe(std::move(files)));
    for (const auto& line : lines) {
      const auto asks_for_us = [](const ModprobeDirective& one) {
        return std::ranges::any_of(parse_softdep(one.arguments).pre, [](const auto& word) {
          return module_name(word) == "vfio_pci";
        });
      };
      const auto module = module_name(line.subject);
      if (line.command != "softdep" || !modules.contains(module) || !asks_for_us(line)) continue;
      const auto* counts = effective_softdep(lines, module);
      if (counts == nullptr || asks_for_us(*counts) || !said.insert(line.where()).second) continue;
      auto finding = make_finding(FindingCause::softdep_shadowed,
                                  {{"place", Place{line.file, line.line}},
                                   {"module", Word{line.subject}},
                                   {"by", Place{counts->file, counts->line}}},
                                  {own_command({"enable"})});
      finding.ours = examination.state.intent == Intent::enabled;
      findings.push_back(std::move(finding));
    }
  }
}

/// True for the lists of systemd-modules-load.
bool is_for_root(const Place& place) {
  return place.path.starts_with("/etc/modules") ||
         place.path.find("/modules-load.d/") != std::string::npos;
}

/// True if the proof says that a function goes to `module` where the list at `place` counts: in the
/// initramfs, or with the lists of systemd-modules-load in the real root.
bool comes_first(const Examination& examination, const std::string& module, const Place& place) {
  return std::ranges::any_of(examination.load_order, [&](const LoadOrder& order) {
    return !order.vfio_wins() && (is_for_root(place) || order.stage == Stage::image) &&
           !order.contenders.empty() && order.contenders.front() == module;
  });
}

/// A word of a list that has modules loaded.
struct ListedModule {
  std::string module;  ///< underscores
  Place place;
  std::string line;  ///< as it stands there; empty where that is not known
};

std::vector<ListedModule> listed_modules(const Examination& examination) {
  std::vector<ListedModule> modules;
  const auto& lines = examination.more.module_lists;
  for (const auto& early : examination.facts.early_modules) {
    const auto& place = early.where;
    const auto line = std::ranges::find_if(lines, [&](const ConfigLine& one) {
      return one.path == place.path && one.line == place.line;
    });
    modules.push_back({early.module, place, line == lines.end() ? std::string() : line->text});
  }
  for (const auto& line : lines) {
    for (const auto word : split_words(without_comment(line.text), " \t\"'()=+")) {
      modules.push_back({module_name(word), {line.path, line.line}, line.text});
    }
  }
  return modules;
}

/// Why it is not known who gets the card with the next boot.
std::optional<Reason> doubt_about_card(const Examination& examination) {
  if (const auto* next = examination.status.menu.next_entry(); next != nullptr) {
    for (const auto& one : next->functions) {
      if (!one.proved && !one.winner && one.reason) return one.reason;
    }
  }
  for (const auto& order : examination.load_order) {
    if (order.may_be_anybody()) return order.reason;
  }
  return std::nullopt;
}

/// Has vfio-switch set up what somebody did.
Remedy enabling(const Examination& examination) {
  const auto given = next_boot_ids(examination.facts);
  const auto& functions = examination.functions;
  const bool in_the_way = given && !std::ranges::all_of(functions, [&](const PciAddress& address) {
                            return given->match(*find_device(examination.facts, address));
                          });
  Remedy remedy;
  // They override what enable would write, and it would be refused: for as long as this boot has
  // them, where the next one's command line is not known.
  if (in_the_way) {
    remedy = dropping(examination, ids_on_command_line(examination.facts));
    add_steps(remedy, {Manual{ByHand::reboot}});
  }
  remedy.emplace_back(own_command({"enable"}));
  return remedy;
}

/// Somebody's own set-up, which gives the card to vfio-pci in vain. Of a card that the host needs
/// it is no problem.
void check_lost(const Examination& examination, std::vector<Finding>& findings) {
  if (examination.state.intent == Intent::enabled) return;
  if (examination.selection.functions.empty()) return;
  if (auto doubt = doubt_about_card(examination)) {
    findings.push_back(make_finding(FindingCause::passthrough_unproved,
                                    {{"reason", std::move(*doubt)}}, enabling(examination)));
    return;
  }
  const VfioBinding binding(current_config(examination.facts), {});
  std::vector<Item> lost;
  std::vector<PciAddress> devices;
  std::optional<Reason> why;
  for (const auto& order : examination.load_order) {
    if (order.vfio_wins() || !order.winner) continue;
    const bool given = binding.of(*find_device(examination.facts, order.device)).at_all();
    const bool said = std::ranges::find(devices, order.device) != devices.end();
    if (!given || said) continue;
    devices.push_back(order.device);
    lost.emplace_back(Occupant{order.device, order.winner});
    if (!why) why = order.reason;
  }
  if (devices.empty()) return;
  auto remedy = enabling(examination);
  if (why && why->cause == ReasonCause::vfio_refused) {
    const auto& word = std::get<Parameter>(why->data.front().items.front());
    remedy = dropping(examination, word.text);
    add_steps(remedy, {Manual{ByHand::reboot}});
  }
  findings.push_back(
      make_finding(FindingCause::passthrough_lost,
                   {{"devices", std::move(lost)}, {"reason", why.value_or(Reason())}},
                   std::move(remedy), std::move(devices)));
}

/// Lists that have vfio-pci put into the images, and an image that was built before they did.
void check_old_images(const Examination& examination, std::vector<Finding>& findings) {
  if (examination.state.intent == Intent::enabled || !is_lost(examination)) return;
  const auto listed = listed_modules(examination);
  const std::string vfio_pci = "vfio_pci";
  const auto found = std::ranges::find_if(listed, [&](const ListedModule& one) {
    return one.module == vfio_pci && !is_for_root(one.place);
  });
  if (found == listed.end()) return;
  for (const auto& kernel : examination.status.kernels) {
    const auto& known = examination.facts.kernels;
    const auto facts = std::ranges::find(known, kernel.release, &Kernel::release);
    const bool loads = facts != known.end() && facts->vfio_pci == ModuleForm::loadable;
    if (!loads || kernel.image_has_vfio != false || !kernel.image) continue;
    findings.push_back(make_finding(FindingCause::image_lacks_list,
                                    {{"image", Place{*kernel.image}}, {"place", found->place}},
                                    {rebuild_step(examination)}));
  }
}

void check_early(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_lost(examination)) return;
  const auto modules = claimants(examination);
  std::set<Place> said;
  for (const auto& early : listed_modules(examination)) {
    if (!modules.contains(early.module) || !comes_first(examination, early.module, early.place))
      continue;
    if (!said.insert(early.place).second) continue;
    Remedy remedy = {own_command({"enable"})};
    add_way(remedy,
            {without_modules(early.place, early.line, {early.module}), rebuild_step(examination)});
    auto finding =
        make_finding(FindingCause::early_driver,
                     {{"place", early.place}, {"module", Word{early.module}}}, std::move(remedy));
    finding.ours = examination.state.intent == Intent::enabled;
    findings.push_back(std::move(finding));
  }
}

Finding blacklisted(const Examination& examination, const Claim& claim,
                    const std::vector<Item>& obstacles) {
  Remedy remedy;
  bool files = false;
  for (const auto& one : obstacles) {
    if (const auto* place = std::get_if<Place>(&one)) {
      add_steps(remedy, without_line(examination, *place));
      files = true;
    } else if (const auto* parameter = std::get_if<Parameter>(&one)) {
      add_steps(remedy, dropping(examination, parameter->text));
    }
  }
  if (files) remedy.push_back(rebuild_step(examination));
  return make_finding(
      FindingCause::driver_blacklisted,
      {{"device", claim.device}, {"modules", words_of(claim.modules)}, {"by", obstacles}},
      std::move(remedy), {claim.device});
}

/// A driver that is blacklisted in favour of another one is no trouble: there is a way back.
void check_blacklists(const Examination& examination, std::vector<Finding>& findings) {
  auto files = examination.facts.modprobe;
  std::erase_if(files, [&](const ModprobeFile& file) {
    return tool_of(file.path, file.content) != nullptr;  // told with the tool
  });
  const auto lines = parse_modprobe(effective_modprobe(std::move(files)));
  for (const auto* gpu : gpus_in_question(examination)) {
    for (const auto& claim : examination.claims) {
      if (claim.device != gpu->address || claim.modules.empty() || !claim.built_in.empty())
        continue;
      std::vector<Item> obstacles;
      const bool none_left = std::ranges::all_of(claim.modules, [&](const std::string& module) {
        const auto found = obstacle_of(lines, examination.facts.command_line, module);
        if (!found) return false;
        const bool known = std::ranges::find(obstacles, *found) != obstacles.end();
        if (!known) obstacles.push_back(*found);
        return true;
      });
      if (!none_left) continue;
      findings.push_back(blacklisted(examination, claim, obstacles));
      break;  // one kernel says it
    }
  }
}

constexpr std::string_view virqfd = "vfio_virqfd";

void check_virqfd(const Examination& examination, std::vector<Finding>& findings) {
  std::vector<std::string> without;
  for (const auto& [release, form] : examination.more.virqfd) {
    if (form == ModuleForm::missing) without.push_back(release);
  }
  if (without.empty()) return;
  std::set<Place> said;
  for (const auto& listed : listed_modules(examination)) {
    if (listed.module != virqfd || !said.insert(listed.place).second) continue;
    findings.push_back(make_finding(
        FindingCause::vfio_virqfd, {{"place", listed.place}, {"kernels", words_of(without)}},
        {without_modules(listed.place, listed.line, {std::string(virqfd)}),
         rebuild_step(examination)}));
  }
}

/// True if the list of modules in `reason` is `module` alone.
bool names_only(const Reason& reason, std::string_view module) {
  const auto found = std::ranges::find(reason.data, "modules", &Datum::key);
  if (found == reason.data.end() || found->items.size() != 1) return false;
  const auto* name = std::get_if<Quotation>(&found->items.front());
  return name != nullptr && module_name(name->text) == module;
}

/// What makes every build of an image fail, passthrough or not.
void check_broken_builds(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& hindrance : examination.facts.image_hindrances) {
    const auto& [reason, remedy] = hindrance.what;
    if (reason.cause != ReasonCause::listed_module_missing) continue;
    if (names_only(reason, "vfio_virqfd")) continue;  // has a finding of its own
    const Refusal refusal{RefusalCause::image_tool, {{"reason", reason}}, remedy};
    findings.push_back(repeat_refusal(FindingCause::build_fails, refusal, remedy));
  }
}

/// True of what ids-parameter-kept, ids-parameter-now and ids-partial say, with the place.
bool is_said_of_ids(const Refusal& refusal) {
  if (refusal.cause == RefusalCause::command_line_lacks) return true;
  if (refusal.cause != RefusalCause::command_line_ids) return false;
  const auto& parameter = std::get<Parameter>(refusal.data.front().items.front());
  const auto ids = ids_parameter(parameter.text);
  return ids && ids->empty();
}

void check_conflicts(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_passthrough_wanted(examination)) {
    check_broken_builds(examination, findings);
    return;
  }
  for (const auto& refusal : examination.status.refusals) {
    if (refusal.code() != RefusalCode::config_conflict) continue;
    if (is_said_of_ids(refusal)) continue;
    auto remedy = refusal.remedy;
    const auto* place = std::get_if<Place>(&refusal.data.front().items.front());
    if (refusal.cause == RefusalCause::modprobe_line && place != nullptr) {
      remedy = without_line(examination, *place);
    }
    remedy.emplace_back(own_command({"enable"}));
    findings.push_back(repeat_refusal(FindingCause::config_conflict, refusal, std::move(remedy)));
  }
}

}  // namespace

void check_drivers(const Examination& examination, std::vector<Finding>& findings) {
  if (is_passthrough_wanted(examination)) {
    check_softdeps(examination, findings);
    check_lost(examination, findings);
    check_old_images(examination, findings);
    check_early(examination, findings);
  }
  check_conflicts(examination, findings);
  check_vfio_module(examination, findings);
  check_virqfd(examination, findings);
  check_blacklists(examination, findings);
}

}  // namespace vfio_switch
