// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/recorded_menu.h"

#include <algorithm>
#include <string>
#include <utility>

namespace vfio_switch {

namespace {

bool is_unreadable(const BootUnknown& unknown) {
  return unknown.code == BootUnknownCode::unreadable;
}

/// True where it is not even known which entries there are, or what they are called.
bool hides_entries(const BootMenu& menu) {
  const auto is_unread = [](const BootEntry& entry) {
    return std::ranges::any_of(entry.unknown, [&](const BootUnknown& unknown) {
      return is_unreadable(unknown) && unknown.subject == entry.source.file;
    });
  };
  return menu.entries.empty() || std::ranges::any_of(menu.notes, is_unreadable) ||
         std::ranges::any_of(menu.entries, is_unread);
}

/// True where an entry is known, and a file that it starts may not be read.
bool hides_files(const EntryProof& proof) {
  const auto is_hidden = [&](const EntryFunction& function) {
    if (function.proved || !function.reason) return false;
    return function.reason->cause == ReasonCause::image_needs_root ||
           std::ranges::any_of(proof.entry.unknown, is_unreadable);
  };
  return std::ranges::any_of(proof.functions, is_hidden);
}

/// What `recorded` said of `functions`, as if it were proved now.
EntryProof as_then(const MenuRecord::Entry& recorded, const std::vector<PciAddress>& functions) {
  EntryProof then;
  for (const auto& device : functions) {
    const auto found = std::ranges::find(recorded.functions, device, &MenuRecord::Function::device);
    const bool known = found != recorded.functions.end() && found->proved;
    then.functions.push_back({device, known ? found->winner : std::nullopt, known, std::nullopt});
  }
  return then;
}

RecordedOutcome outcome_of(const MenuRecord& record, const EntryProof& then) {
  return {record.time, record.local_time, then.outcome()};
}

EntryProof recorded_entry(const MenuRecord& record, const MenuRecord::Entry& recorded,
                          const std::vector<PciAddress>& functions, const Reason& why) {
  auto proof = as_then(recorded, functions);
  proof.recorded = outcome_of(record, proof);
  for (auto& function : proof.functions) {
    function.proved = false;
    function.reason = why;
  }
  proof.entry.id = recorded.id;
  proof.entry.title = recorded.title;
  proof.entry.kind = recorded.kind;
  proof.entry.is_default = recorded.is_default;
  proof.entry.is_once = recorded.is_once;
  proof.entry.release = recorded.release;
  return proof;
}

/// The one entry of the record that is `entry`; null where none is, or several may be.
const MenuRecord::Entry* find_recorded(const MenuRecord& record, const BootEntry& entry) {
  const MenuRecord::Entry* found = nullptr;
  for (const auto& recorded : record.entries) {
    const bool same_release =
        !entry.release || !recorded.release || entry.release == recorded.release;
    if (recorded.title != entry.title || recorded.kind != entry.kind || !same_release) continue;
    if (found != nullptr) return nullptr;
    found = &recorded;
  }
  return found;
}

void add_recorded(EntryProof& proof, const MenuRecord& record,
                  const std::vector<PciAddress>& functions) {
  const auto* const recorded = find_recorded(record, proof.entry);
  if (recorded == nullptr) return;
  const auto then = as_then(*recorded, functions);
  proof.recorded = outcome_of(record, then);
  for (auto& function : proof.functions) {
    if (function.proved) continue;
    function.winner =
        std::ranges::find(then.functions, function.device, &EntryFunction::device)->winner;
  }
}

/// Why nothing is known of the menu itself.
Reason reason_for(const MenuProof& menu, const BootMenu& facts) {
  if (menu.why_unknown) return *menu.why_unknown;
  for (const auto& entry : facts.entries) {
    const auto found = std::ranges::find_if(entry.unknown, is_unreadable);
    if (found != entry.unknown.end()) return reason_of(ReasonCause::menu_not_known, *found);
  }
  return ReasonCause::not_known;
}

}  // namespace

MenuProof with_record(MenuProof menu, const SystemFacts& facts,
                      const std::vector<PciAddress>& functions, std::vector<Note>& notes) {
  const auto& record = facts.menu_record;
  if (!record || functions.empty()) return menu;
  const bool entries_hidden = hides_entries(facts.boot_menu);
  if (!entries_hidden && std::ranges::none_of(menu.entries, hides_files)) return menu;
  if (record->why_unusable) {
    notes.push_back(*record->why_unusable);
    return menu;
  }
  if (!entries_hidden) {
    for (auto& proof : menu.entries) {
      if (hides_files(proof)) add_recorded(proof, *record, functions);
    }
    return menu;
  }
  if (record->entries.empty()) return menu;
  MenuProof recorded;
  recorded.why_unknown = reason_for(menu, facts.boot_menu);
  for (const auto& entry : record->entries) {
    recorded.entries.push_back(recorded_entry(*record, entry, functions, *recorded.why_unknown));
  }
  return recorded;
}

}  // namespace vfio_switch
