// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/kernel_proof.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/binding/evidence.h"
#include "core/files/own_paths.h"
#include "core/modules/module_parameters.h"

namespace vfio_switch {

namespace {

const std::string vfio_pci = "vfio_pci";

bool loads_vfio(const LoadRequest& request) {
  return std::ranges::find(request.modules, vfio_pci) != request.modules.end();
}

bool loads_vfio(const Contest& contest) {
  return std::ranges::any_of(contest.steps, [](const LoadStep& step) {
    return std::ranges::any_of(step.requests,
                               [](const LoadRequest& request) { return loads_vfio(request); });
  });
}

bool loads_claimant(const LoadRequest& request, const Claim& claim) {
  return std::ranges::any_of(request.modules, [&](const std::string& module) {
    return std::ranges::binary_search(claim.modules, module);
  });
}

std::vector<ModprobeDirective> with_softdeps(const DriverConfig& config, const Kernel& kernel) {
  auto files = config.modprobe;
  files.push_back(kernel.softdeps);
  return parse_modprobe(effective_modprobe(std::move(files)));
}

std::optional<Parameter> word_that_loads_vfio_first(std::string_view command_line) {
  for (const auto word : split_words(command_line, " \t\n")) {
    const auto first = parse_module_parameters(word).before_udev;
    if (std::ranges::find(first, vfio_pci) != first.end()) return Parameter{std::string(word)};
  }
  return std::nullopt;
}

}  // namespace

ModuleForm vfio_form(const SystemFacts& facts, const Kernel& kernel) {
  if (kernel.vfio_pci != ModuleForm::loadable) return kernel.vfio_pci;
  const auto said = parse_module_parameters(command_line_of(facts, kernel));
  return said.refused.contains(vfio_pci) ? ModuleForm::missing : ModuleForm::loadable;
}

std::set<std::string> blacklisted(std::string_view command_line,
                                  const std::vector<ModprobeDirective>& directives) {
  auto modules = parse_module_parameters(command_line).blacklisted;
  for (const auto& line : directives) {
    if (line.command == "blacklist") modules.insert(module_name(line.subject));
  }
  return modules;
}

KernelProof::KernelProof(const SystemFacts& facts, const ModuleDb& db, const Kernel& kernel,
                         const DriverConfig& config)
    : facts_(facts),
      db_(db),
      kernel_(kernel),
      directives_(with_softdeps(config, kernel)),
      lists_(config.lists) {
  const auto& line = command_line_of(facts, kernel);
  auto parameters = parse_module_parameters(line);
  blacklist_ = blacklisted(line, parse_modprobe(effective_modprobe(config.modprobe)));
  if (facts.keeps_dracuts_blacklist) blacklist_.merge(parameters.blacklisted_by_dracut);
  refused_ = std::move(parameters.refused);
  refusing_word_ = {std::move(parameters.refusing_word)};
  stub_ids_ = std::move(parameters.stub_ids);
  stub_word_ = {std::move(parameters.stub_word)};
  first_word_ = word_that_loads_vfio_first(line);
  // Secure Boot is there at the next boot as well; a word of this boot's is not.
  const auto running = parse_module_parameters(facts.command_line);
  signed_alone_ = parameters.signed_alone || (facts.signed_alone && !running.signed_alone);
  for (auto& module : parameters.loaded) {
    lists_.push_back({std::move(module), {std::string(command_line_path)}});
  }
}

Result<Contest> KernelProof::contest(const PciDevice& device, const Claim& claim, Bound bound) {
  Contest contest{device, claim, vfio_form(facts_, kernel_), {}, std::move(bound), {}};
  if (refused_.contains(vfio_pci)) contest.refusing = refusing_word_;
  leave_unsigned(contest);
  if (auto asked = ask_stub(contest); !asked) return failure_of(asked);
  const bool by_address = contest.in_root.by_address;
  const bool is_bound = contest.in_root.at_all() && contest.vfio == ModuleForm::loadable;
  // The bind script's unit runs before udev and modules-load.d.
  if ((contest.stub || !claim.built_in.empty()) && by_address && is_bound) {
    auto script = ask(vfio_pci, Place{std::string(bind_path)}, false);
    if (!script) return failure_of(script);
    contest.steps.push_back({true, {std::move(*script)}, Stage::root});
  }
  auto asked = ask(device.modalias, device.address, true);
  if (!asked) return failure_of(asked);
  contest.steps.push_back({false, {std::move(*asked)}, Stage::root});
  if (auto added = add_lists(contest); !added) return failure_of(added);
  if (is_bound && !loads_vfio(contest)) {
    if (by_address) {
      // Nothing orders it against this function's coldplug otherwise.
      auto script = ask(vfio_pci, Place{std::string(bind_path)}, false);
      if (!script) return failure_of(script);
      contest.steps.back().requests.push_back(std::move(*script));
    } else if (auto added = add_other_device(contest); !added) {
      return failure_of(added);
    }
  }
  if (is_bound) {
    if (auto added = add_names(contest); !added) return failure_of(added);
  }
  const auto given =
      std::ranges::find(facts_.driverctl, device.address, &DriverctlOverride::device);
  if (given != facts_.driverctl.end()) contest.driverctl = *given;
  contest.setters = facts_.override_setters;
  return contest;
}

Result<void> KernelProof::ask_stub(Contest& contest) {
  const bool by_word = stub_ids_ && stub_ids_->match(contest.device);
  std::optional<Place> by_file;
  for (const auto& line : directives_) {
    if (line.command != "options" || !line.is_about("pci_stub")) continue;
    const auto ids = ids_option(line.arguments);
    if (ids && ids->match(contest.device)) by_file = line.place();
  }
  if (!by_word && !by_file) return {};
  auto form = db_.form("pci_stub");
  if (!form) return failure_of(form);
  if (by_word && *form == ModuleForm::built_in) contest.stub = stub_word_;
  if (*form != ModuleForm::loadable) return {};
  // As a module it takes the function where something loads it before vfio-pci.
  if (by_word) {
    contest.unknown = Reason(ReasonCause::entry_word_unclear, {{"parameter", stub_word_}});
  } else {
    contest.unknown = Reason(ReasonCause::stub_may_take, {{"place", *by_file}});
  }
  return {};
}

Result<void> KernelProof::ask_listed_stub(Contest& contest) {
  for (const auto& early : facts_.early_modules) {
    if (early.module != "pci_stub" || !early.ids || !early.ids->match(contest.device)) continue;
    auto form = db_.form(early.module);
    if (!form) return failure_of(form);
    if (*form != ModuleForm::loadable) return {};
    contest.unknown = Reason(ReasonCause::stub_may_take, {{"place", early.where}});
  }
  return {};
}

void KernelProof::leave_unsigned(Contest& contest) {
  if (!signed_alone_) return;
  auto& modules = contest.claim.modules;
  auto asked = modules;
  if (contest.vfio == ModuleForm::loadable) asked.push_back(vfio_pci);
  std::vector<std::string> bare;
  std::optional<std::string> unread;
  bool any_signed = false;
  for (const auto& module : asked) {
    const auto is_signed = db_.is_signed(module);
    any_signed = any_signed || is_signed == true;
    if (is_signed == false) bare.push_back(module);
    if (!is_signed) unread = module;
  }
  if (!any_signed) return;
  if (unread) {
    contest.unknown = Reason(ReasonCause::signature_unread, {{"module", Word{*unread}}});
  }
  for (const auto& module : bare) {
    if (module == vfio_pci) contest.vfio = ModuleForm::missing;
    std::erase(modules, module);
  }
  contest.unsigned_modules = std::move(bare);
}

Result<Contest> KernelProof::with_built_image(Contest root) {
  if (!kernel_.initramfs || root.vfio != ModuleForm::loadable) return root;
  if (auto asked = ask_listed_stub(root); !asked) return failure_of(asked);
  root.in_image = root.in_root;
  root.image_expected = true;
  if (root.stub || !root.claim.built_in.empty()) {
    if (root.in_root.by_address) root.steps.front().stage = Stage::image;
    return root;
  }
  if (root.in_root.at_all() && !loads_vfio(root)) {
    if (auto added = add_image_list(root); !added) return failure_of(added);
  }
  const auto* list = root.in_root.by_address ? nullptr : list_with_ids();
  if (list != nullptr) {
    auto step = lists_in_image(list);
    if (!step) return failure_of(step);
    root.steps.insert(root.steps.begin(), std::move(*step));
  } else if (root.in_root.at_all() && by_command_.contains(root.device.modalias) &&
             !decide(root).vfio_wins()) {
    if (auto put = put_image_before_command(root); !put) return failure_of(put);
  }
  // dracut loads what rd.driver.pre= names before udev, where the image has it.
  if (facts_.dracut && first_word_ && !decide(root).vfio_wins()) {
    root.unknown = Reason(ReasonCause::entry_word_unclear, {{"parameter", *first_word_}});
  }
  return root;
}

Result<LoadRequest> KernelProof::ask(const std::string& name, Item requester,
                                     bool heeds_blacklist) {
  const std::pair key(name, heeds_blacklist);
  auto known = asked_.find(key);
  if (known == asked_.end()) {
    auto order = db_.insertion_order(name, heeds_blacklist ? blacklist_ : std::set<std::string>());
    if (!order) return failure_of(order);
    if (order->by_command) by_command_.insert(name);
    if (order->followed) order->reason.reset();
    auto taken = db_.insertable(*order, refused_);
    LoadRequest request{std::move(taken.modules), std::move(taken.doubt)};
    request.order = why_vfio_first(directives_, request.modules);
    known = asked_.emplace(key, std::move(request)).first;
  }
  auto request = known->second;
  request.requester = std::move(requester);
  return request;
}

Result<void> KernelProof::add_lists(Contest& contest) {
  for (const auto& listed : lists_) {
    auto request = ask(listed.module, listed.where, true);
    if (!request) return failure_of(request);
    const bool is_about = loads_vfio(*request) || loads_claimant(*request, contest.claim);
    if (!is_about && !request->unclear) continue;
    contest.steps.back().requests.push_back(std::move(*request));
  }
  return {};
}

Result<void> KernelProof::add_other_device(Contest& contest) {
  if (!other_) {
    other_.emplace();
    for (const auto& device : facts_.devices) {
      auto request = ask(device.modalias, device.address, true);
      if (!request) return failure_of(request);
      if (!loads_vfio(*request)) continue;
      other_->push_back(std::move(*request));
      break;
    }
  }
  for (const auto& request : *other_) {
    auto& requests = contest.steps.back().requests;
    requests.push_back(request);
    // What it does to this function's own drivers is asked by their names.
    std::erase_if(requests.back().modules, [&](const std::string& module) {
      return std::ranges::binary_search(contest.claim.modules, module);
    });
  }
  return {};
}

Result<void> KernelProof::add_image_list(Contest& contest) {
  for (const auto& early : facts_.early_modules) {
    auto request = ask(early.module, early.where, false);
    if (!request) return failure_of(request);
    if (!loads_vfio(*request)) continue;
    contest.steps.back().requests.push_back(std::move(*request));
    return {};
  }
  return {};
}

Result<void> KernelProof::add_names(Contest& contest) {
  auto names = contest.claim.modules;
  names.insert(names.end(), contest.claim.dependants.begin(), contest.claim.dependants.end());
  for (const auto& name : names) {
    auto request = ask(name, Word{name}, false);
    if (!request) return failure_of(request);
    contest.by_name.push_back(std::move(*request));
  }
  auto loaded = ask(vfio_pci, Word{vfio_pci}, false);
  if (!loaded) return failure_of(loaded);
  contest.vfio_unclear = std::move(loaded->unclear);
  return {};
}

const EarlyModule* KernelProof::list_with_ids() const {
  const auto found = std::ranges::find_if(facts_.early_modules, [](const EarlyModule& early) {
    return early.module == vfio_pci && early.ids.has_value();
  });
  return found == facts_.early_modules.end() ? nullptr : &*found;
}

Result<LoadStep> KernelProof::lists_in_image(const EarlyModule* last) {
  LoadStep step;
  for (const auto& early : facts_.early_modules) {
    auto request = ask(early.module, early.where, false);
    if (!request) return failure_of(request);
    give_ids(*request, early);
    step.requests.push_back(std::move(*request));
    if (&early == last) break;
  }
  return step;
}

Result<void> KernelProof::put_image_before_command(Contest& contest) {
  auto listed = lists_in_image(nullptr);
  if (!listed) return failure_of(listed);
  std::erase_if(listed->requests, [&](const LoadRequest& request) {
    return !loads_claimant(request, contest.claim);
  });
  if (listed->requests.empty()) {
    auto ours = ask(vfio_pci, Place{std::string(vfio_conf_path)}, false);
    if (!ours) return failure_of(ours);
    listed->requests.push_back(std::move(*ours));
  }
  contest.steps.insert(contest.steps.begin(), std::move(*listed));
  return {};
}

}  // namespace vfio_switch
