// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <set>

#include "core/base/text.h"
#include "core/binding/shadowing.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/doctor/tools.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

constexpr std::string_view command_line = "the kernel command line";

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
      auto finding = make_finding(FindingCode::softdep_shadowed,
                                  line.where() + " (softdep " + line.subject +
                                      ") has no effect: " + counts->where() + " comes first.",
                                  "Run 'vfio-switch enable': it writes a line that counts.");
      finding.ours = examination.state.intent == Intent::enabled;
      findings.push_back(std::move(finding));
    }
  }
}

void check_early(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_lost(examination)) return;
  const auto modules = claimants(examination);
  auto lists = examination.facts.early_modules;
  for (const auto& line : examination.more.module_lists) {
    for (const auto word : split_words(line.text, " \t\"'()=+")) {
      lists.push_back({module_name(word), {line.path, line.line}});
    }
  }
  std::set<std::string> said;
  for (const auto& early : lists) {
    if (!modules.contains(early.module) || !said.insert(early.where.str()).second) continue;
    auto finding = make_finding(
        FindingCode::early_driver,
        early.where.str() + " has " + early.module +
            " loaded early, and vfio-pci does not come first.",
        "Run 'vfio-switch enable'; or remove " + early.module + " there and build the initramfs.");
    finding.ours = examination.state.intent == Intent::enabled;
    findings.push_back(std::move(finding));
  }
}

/// What keeps `module` from being loaded for a device; empty where nothing does.
std::string obstacle(const std::vector<ModprobeDirective>& lines, const SystemFacts& facts,
                     const std::string& module) {
  for (const auto& line : lines) {
    const auto first = line.arguments.substr(0, line.arguments.find(' '));
    const bool to_nothing = first.ends_with("/false") || first.ends_with("/true");
    if (line.command == "blacklist" && line.names(module)) return line.where();
    if (line.command == "install" && line.is_about(module) && to_nothing) return line.where();
  }
  for (const auto word : split_words(facts.command_line)) {
    for (const std::string_view key : {"modprobe.blacklist=", "module_blacklist="}) {
      if (!word.starts_with(key)) continue;
      for (const auto name : split_words(word.substr(key.size()), ",")) {
        if (module_name(name) == module) return std::string(command_line);
      }
    }
  }
  return {};
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
      std::set<std::string> places;
      const bool none_left = std::ranges::all_of(claim.modules, [&](const std::string& module) {
        const auto where = obstacle(lines, examination.facts, module);
        if (!where.empty()) places.insert(where);
        return !where.empty();
      });
      if (!none_left) continue;
      findings.push_back(make_finding(
          FindingCode::driver_blacklisted,
          "No driver of the host's may load for " + describe(*gpu) + ": " +
              join(claim.modules, ", ") + (claim.modules.size() == 1 ? " is" : " are") +
              " blacklisted by " + enumerate({places.begin(), places.end()}) + ".",
          places.contains(std::string(command_line))
              ? "Remove it in the boot loader's settings: with softdeps nothing needs a blacklist."
              : "Remove it there and build the initramfs: with softdeps nothing needs a blacklist.",
          {gpu->address}));
      break;  // one kernel says it
    }
  }
}

void check_vfio_pci(const Examination& examination, std::vector<Finding>& findings) {
  std::vector<std::string> missing;
  std::vector<std::string> built_in;
  for (const auto& kernel : examination.facts.kernels) {
    if (kernel.vfio_pci == ModuleForm::missing) missing.push_back(kernel.release);
    if (kernel.vfio_pci == ModuleForm::built_in) built_in.push_back(kernel.release);
  }
  if (!missing.empty()) {
    const bool all = missing.size() == examination.facts.kernels.size();
    auto finding = make_finding(FindingCode::vfio_pci_missing,
                                "Kernel " + enumerate(missing) + " has no vfio-pci.",
                                "Install the distribution's usual kernel, which has "
                                "CONFIG_VFIO_PCI, with all its modules.");
    if (!all) finding.severity = Severity::warning;
    findings.push_back(std::move(finding));
  }
  if (built_in.empty()) return;
  std::vector<std::string> ids;
  for (const auto& address : examination.functions) {
    ids.push_back(find_device(examination.facts, address)->id.str());
  }
  findings.push_back(make_finding(
      FindingCode::vfio_pci_built_in, "vfio-pci is built into kernel " + enumerate(built_in) + ".",
      how_to_add_parameter(examination, "vfio-pci.ids=" + join(ids, ","))));
}

void check_virqfd(const Examination& examination, std::vector<Finding>& findings) {
  std::vector<std::string> without;
  for (const auto& [release, form] : examination.more.virqfd) {
    if (form == ModuleForm::missing) without.push_back(release);
  }
  if (without.empty()) return;
  std::set<std::string> places;
  for (const auto& early : examination.facts.early_modules) {
    if (early.module == "vfio_virqfd") places.insert(early.where.str());
  }
  for (const auto& line : examination.more.module_lists) {
    if (module_name(line.text).find("vfio_virqfd") != std::string::npos)
      places.insert(line.where());
  }
  for (const auto& place : places) {
    findings.push_back(make_finding(
        FindingCode::vfio_virqfd,
        place + " asks for vfio_virqfd, which kernel " + enumerate(without) + " does not have.",
        "Remove vfio_virqfd there; the other vfio modules stay."));
  }
}

void check_conflicts(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_passthrough_wanted(examination)) return;
  for (const auto& refusal : examination.status.refusals) {
    if (refusal.code() != RefusalCode::config_conflict) continue;
    // Said by ids-parameter-kept and ids-parameter-now, with the place.
    if (refusal.cause == RefusalCause::command_line_ids) continue;
    findings.push_back(make_finding(
        FindingCode::config_conflict, sentence(format(kind_of(refusal.cause).text, refusal.data)),
        "Remove that, then run 'vfio-switch enable'.", refusal.devices));
  }
}

}  // namespace

void check_drivers(const Examination& examination, std::vector<Finding>& findings) {
  if (is_passthrough_wanted(examination)) {
    check_softdeps(examination, findings);
    check_early(examination, findings);
  }
  check_conflicts(examination, findings);
  check_vfio_pci(examination, findings);
  check_virqfd(examination, findings);
  check_blacklists(examination, findings);
}

}  // namespace vfio_switch
