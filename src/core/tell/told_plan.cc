// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/told_plan.h"

#include <algorithm>

#include "core/boot/card_parameters.h"
#include "core/files/own_paths.h"
#include "core/tell/redaction.h"
#include "core/tell/told_facts.h"

namespace vfio_switch {

namespace {

void hide(std::optional<Reason>& reason) {
  if (reason) reason = told_reason(*reason);
}

void hide(std::vector<Refusal>& refusals) {
  std::ranges::transform(refusals, refusals.begin(), told_refusal);
}

void hide(std::vector<Note>& notes) {
  std::ranges::transform(notes, notes.begin(), told_note);
}

void hide(std::vector<Reason>& reasons) {
  std::ranges::transform(reasons, reasons.begin(), told_reason);
}

void hide(std::vector<LoadOrder>& orders) {
  for (auto& order : orders) {
    hide(order.reason);
    hide(order.chain);
  }
}

/// Titles and command lines are the owner's.
void hide(MenuProof& menu) {
  hide(menu.why_unknown);
  for (auto& proof : menu.entries) {
    auto& entry = proof.entry;
    entry.id.clear();
    entry.title.clear();
    entry.unknown.clear();
    if (entry.command_line) entry.command_line = told_command_line(*entry.command_line);
    for (auto& function : proof.functions) {
      hide(function.reason);
      hide(function.chain);
    }
  }
}

void hide(BootFinding& finding) {
  finding.data = told_data(finding.data);
  finding.remedy = told_remedy(finding.remedy);
  if (finding.refusal) finding.refusal = told_refusal(*finding.refusal);
}

}  // namespace

Plan told_plan(Plan plan) {
  hide(plan.refusals);
  hide(plan.notes);
  if (plan.no_build) plan.no_build = told_note(*plan.no_build);
  hide(plan.load_order);
  for (auto& change : plan.diff) {
    std::visit([](auto& one) { one.reason = told_reason(one.reason); }, change);
    auto* file = std::get_if<FileChange>(&change);
    if (file == nullptr) continue;
    for (auto* state : {&file->before, &file->after}) {
      auto* regular = std::get_if<RegularFile>(state);
      if (regular == nullptr) continue;
      const bool is_ours = is_generated(file->path);
      regular->content = is_ours ? told_generated(regular->content) : std::string();
    }
  }
  return plan;
}

Status told_status(Status status) {
  status.command_line = told_command_line(status.command_line);
  status.parameters = telling_parameters(status.command_line);
  hide(status.refusals);
  hide(status.notes);
  for (auto& kernel : status.kernels) hide(kernel.reason);
  hide(status.menu);
  hide(status.load_order);
  if (status.boot) {
    for (auto& finding : status.boot->findings) hide(finding);
  }
  return status;
}

}  // namespace vfio_switch
