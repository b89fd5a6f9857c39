// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/status_text.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"
#include "core/tell/remedy_text.h"
#include "core/tell/takers_text.h"

namespace vfio_switch {

namespace {

std::string driver_text(const std::optional<std::string>& driver) {
  return driver.value_or("no driver");
}

std::string kernel_name(const Status& status, const KernelStatus& kernel) {
  return printable(kernel.release + status.package_text(kernel.release)) +
         (kernel.running ? " (running)" : "");
}

/// "image ready", "image stale" or "image not known": the word says it, the tone repeats it.
Phrase answer(std::string_view what, std::optional<bool> is, std::string_view yes,
              std::string_view no) {
  const auto text = [&](std::string_view word) {
    return std::string(what) + " " + std::string(word);
  };
  if (!is) return {text("not known"), Tone::attention};
  return *is ? Phrase{text(yes), Tone::good} : Phrase{text(no), Tone::bad};
}

Cell wanted_cell(const Status& status) {
  switch (status.intent) {
    case Intent::unset:
      return {"nothing configured", Tone::faint};
    case Intent::enabled:
      return "passthrough";
    case Intent::disabled:
      return "the card stays with the host";
  }
  return "";
}

Cell staged_cell(const Status& status) {
  if (status.intent == Intent::unset) return {"nothing", Tone::faint};
  if (status.kernels.empty()) return {"no kernel found", Tone::attention};
  std::vector<Phrase> lines = {
      answer("files", status.kernels.front().files_staged, "ready", "not ready")};
  for (const auto& kernel : status.kernels) {
    lines.push_back({kernel_name(status, kernel)});
    if (kernel.lacks_vfio) {
      lines.push_back({"  no vfio-pci", Tone::attention});
    } else if (kernel.root_decides) {
      lines.push_back({"  initramfs unaffected", Tone::good});
    } else {
      lines.push_back(answer("  image", kernel.image_staged, "ready", "stale"));
    }
  }
  return lines;
}

Cell command_line_cell(const Status& status) {
  if (status.command_line.empty()) return {"unknown", Tone::faint};
  if (status.parameters.empty()) return {"nothing about the card", Tone::faint};
  std::vector<Phrase> lines;
  for (const auto& parameter : status.parameters) {
    lines.push_back(
        {printable(parameter.word), parameter.keeps_host ? Tone::attention : Tone::plain});
    lines.push_back({"  " + reason_text(parameter.effect), Tone::faint});
  }
  return lines;
}

Tone driver_tone(Intent intent, const DeviceStatus& device) {
  if (intent == Intent::unset) return Tone::plain;
  return device.active ? Tone::good : Tone::bad;
}

Cell active_cell(const Status& status) {
  if (status.devices.empty()) return {"no card", Tone::faint};
  std::vector<Phrase> lines;
  for (const auto& device : status.devices) {
    const bool differs = status.intent != Intent::unset && !device.active;
    lines.push_back({device.address.str() + " " + driver_text(device.driver),
                     driver_tone(status.intent, device)});
    if (differs) {
      lines.push_back({"  expected " + driver_text(device.expected_driver), Tone::faint});
    }
  }
  return lines;
}

std::string sentence_of(NextBoot outcome, const std::vector<Occupant>& takers) {
  switch (outcome) {
    case NextBoot::vfio:
      return "vfio-pci will bind the card";
    case NextBoot::host:
      return card_takers_text(takers);
    case NextBoot::unknown:
      return "not known";
    case NextBoot::mixed:
      break;
  }
  return takers_text(takers, "bind");
}

std::string next_boot_sentence(const Status& status, const KernelStatus& kernel) {
  std::vector<Occupant> takers;
  for (const auto& order : status.load_order) {
    if (order.kernel != kernel.release) continue;
    // That vfio-pci does not is known, but not which driver does.
    if (kernel.next_boot == NextBoot::host && !order.proved)
      return "a driver other than vfio-pci will bind the card";
    takers.push_back({order.device, order.winner});
  }
  return sentence_of(kernel.next_boot, takers);
}

std::string entry_sentence(const EntryProof& proof) {
  std::vector<Occupant> takers;
  for (const auto& one : proof.functions) takers.push_back({one.device, one.winner});
  return sentence_of(proof.recorded ? proof.recorded->outcome : proof.outcome(), takers);
}

/// True where both start the same. Of a recorded entry only the release and the winners are known.
bool starts_the_same(const EntryProof& left, const EntryProof& right) {
  const auto& a = left.entry;
  const auto& b = right.entry;
  return a.kernel == b.kernel && a.initrds == b.initrds && a.unified_image == b.unified_image &&
         a.command_line == b.command_line && a.release == b.release &&
         (!left.recorded || left.functions == right.functions);
}

/// What starts next, or did when the menu was recorded.
bool is_marked_next(const MenuProof& menu, const EntryProof& proof) {
  const auto* next = menu.next_entry();
  if (next != nullptr || !proof.recorded) return &proof == next;
  return proof.entry.is_default || proof.entry.is_once;
}

std::string mark_of(const BootEntry& entry, bool is_next) {
  if (entry.is_once) return " (next boot only)";
  return is_next ? " (default)" : "";
}

/// The usual entries of the boot menu, what starts next marked. GRUB's first entry stands in its
/// submenu a second time.
void add_entries(const Status& status, Table& table) {
  const auto wanted = status.intent == Intent::enabled ? NextBoot::vfio : NextBoot::host;
  std::vector<const EntryProof*> shown;
  for (const auto& proof : status.menu.entries) {
    const auto& entry = proof.entry;
    const bool is_next = is_marked_next(status.menu, proof);
    const bool again = std::ranges::any_of(
        shown, [&](const EntryProof* other) { return starts_the_same(*other, proof); });
    if (proof.functions.empty() || (!is_next && (entry.kind != EntryKind::usual || again))) {
      continue;
    }
    shown.push_back(&proof);
    const bool as_wanted = status.intent == Intent::unset || proof.outcome() == wanted;
    std::vector<Phrase> lines = {
        {entry_sentence(proof), as_wanted ? Tone::plain : Tone::attention}};
    if (proof.recorded) lines.push_back({"  as of " + proof.recorded->local_time, Tone::faint});
    table.add({printable(entry.title) + mark_of(entry, is_next), lines});
  }
}

std::string next_boot_text(const Status& status, const Style& style) {
  if (status.devices.empty()) return {};
  Table table({"NEXT BOOT", "DRIVER OF THE CARD"});
  add_entries(status, table);
  if (!table.empty()) return "\n" + table.str(style);
  for (const auto& kernel : status.kernels) {
    const bool as_wanted =
        status.intent == Intent::unset ||
        kernel.next_boot == (status.intent == Intent::enabled ? NextBoot::vfio : NextBoot::host);
    auto sentence = next_boot_sentence(status, kernel);
    // No boot menu says that it does.
    const bool may_not_start = status.next_boot == NextBoot::unknown;
    if (may_not_start && kernel.next_boot != NextBoot::unknown) sentence += " if it is started";
    table.add({kernel_name(status, kernel),
               {std::move(sentence), as_wanted ? Tone::plain : Tone::attention}});
  }
  return table.empty() ? "" : "\n" + table.str(style);
}

/// A reason why the columns differ, and what helps.
struct Why {
  std::string text;
  Remedy remedy = {};
};

/// What the last boot check found, unless it is said of now already.
void add_boot_check(const Status& status, std::vector<Why>& found) {
  const auto& record = *status.boot;
  const auto head = "the boot check of " + printable(record.time);
  for (const auto& finding : record.findings) {
    using enum BootCause;
    const bool now =
        finding.refusal && std::ranges::any_of(status.refusals, [&](const Refusal& refusal) {
          return says_the_same(refusal, *finding.refusal);
        });
    if (now || finding.code() == kind_of(kernel_not_staged).code ||
        finding.code() == kind_of(escape_used).code ||
        finding.code() == kind_of(set_up_pending).code) {
      continue;
    }
    found.push_back({head + ": " + boot_finding_text(finding)});
  }
  switch (record.action) {
    case BootAction::none:
      break;
    case BootAction::disabled:
      found.push_back({head + " disabled passthrough"});
      break;
    case BootAction::refused:
      found.push_back({head + " could not disable passthrough: the change was refused"});
      break;
    case BootAction::failed:
      found.push_back({head + " could not disable passthrough: " + printable(record.problem)});
      break;
  }
}

/// Of the entry that starts next, whose title the table above has.
std::optional<std::string> why_unknown(const MenuProof& menu) {
  const auto* next = menu.next_entry();
  if (next == nullptr) return std::nullopt;
  for (const auto& one : next->functions) {
    if (!one.proved && one.reason) {
      return printable(next->entry.title) + ": " + reason_text(*one.reason);
    }
  }
  return std::nullopt;
}

std::vector<Why> reasons(const Status& status) {
  std::vector<Why> found;
  for (const auto& refusal : status.refusals) {
    found.push_back(
        {std::string(to_string(refusal.code())) + ": " + refusal_text(refusal), refusal.remedy});
  }
  for (const auto& note : status.notes) {
    found.push_back({note_text(note), note.remedy});
  }
  if (status.refusals.empty() && status.intent != Intent::unset) {
    for (const auto& kernel : status.kernels) {
      if (!kernel.reason || kernel.stale_copy) continue;  // a note says so
      found.push_back({printable(kernel.release) + ": " + reason_text(*kernel.reason)});
    }
  }
  if (status.intent == Intent::unset && status.next_boot == NextBoot::unknown) {
    if (const auto why = why_unknown(status.menu)) found.push_back({*why});
  }
  if (status.intent == Intent::enabled && is_escape(status.command_line)) {
    found.push_back({"this boot was started without passthrough (vfio-pci.ids=)"});
  }
  if (status.pending) {
    found.push_back(
        {"the setup is pending: the package was installed in " + reason_text(*status.pending)});
  }
  if (status.boot) add_boot_check(status, found);
  return found;
}

std::string next_step(const Status& status, bool can_build) {
  const auto is_staged = [](const KernelStatus& kernel) {
    return kernel.staged != false || kernel.lacks_vfio;
  };
  const bool staged = std::ranges::all_of(status.kernels, is_staged);
  const bool active = std::ranges::all_of(status.devices, &DeviceStatus::active);
  if (status.intent == Intent::unset) {
    return status.devices.empty() ? "'vfio-switch devices' shows which cards can be passed through"
                                  : "'vfio-switch enable' gives this card to virtual machines";
  }
  const std::string verb = status.intent == Intent::enabled ? "enable" : "disable";
  if (!status.refusals.empty()) return "fix that, then run 'vfio-switch " + verb + "'";
  const bool only_copies = std::ranges::all_of(status.kernels, [&](const KernelStatus& kernel) {
    return is_staged(kernel) || kernel.stale_copy;
  });
  if (!staged && only_copies) return "run the command above, then reboot";
  if (!staged) {
    const bool files = std::ranges::all_of(status.kernels, &KernelStatus::files_staged);
    return "run 'vfio-switch " + verb + (can_build || !files ? "'" : " --rebuild'");
  }
  if (active) return "nothing to do";
  // This boot was predicted from what is staged now, so that the next one would be no better.
  const bool surprised = status.boot_is_now && status.boot &&
                         std::ranges::any_of(status.boot->findings, [](const BootFinding& finding) {
                           return finding.code() == kind_of(BootCause::other_driver).code;
                         });
  const bool escaped = status.intent == Intent::enabled && is_escape(status.command_line);
  const bool blocked = status.intent == Intent::enabled &&
                       std::ranges::any_of(status.parameters, &TellingParameter::keeps_host);
  if (escaped) return "reboot without 'vfio-pci.ids=' to give the card to virtual machines again";
  if (blocked) {
    return "reboot without the kernel parameter that keeps the card with the host (see COMMAND "
           "LINE); if it is in the boot loader's settings, remove it there first";
  }
  if (surprised) {
    return "look for the cause in 'journalctl -b', or run 'vfio-switch disable'";
  }
  return "reboot";
}

}  // namespace

std::string status_text(const SystemFacts& facts, const Status& status, const Style& style,
                        bool can_build) {
  Table table({"WANTED", "STAGED", "COMMAND LINE", "ACTIVE"});
  table.add(
      {wanted_cell(status), staged_cell(status), command_line_cell(status), active_cell(status)});
  std::string text = table.str(style) + next_boot_text(status, style) + "\n";
  const auto labelled = [&](std::string_view label, const std::string& words, Tone tone) {
    text += paragraph(label, {printable(words), tone}, style);
  };
  for (const auto& device : status.devices) {
    const auto& name = find_device(facts, device.address)->name;
    labelled(device.is_extra ? "Also  " : "Card  ",
             device.address.str() + " " + (name.empty() ? "without a name" : name), Tone::plain);
  }
  for (const auto& why : reasons(status)) {
    labelled("Why   ", why.text, Tone::attention);
    text += remedy_lines(why.remedy, "      ", style);
  }
  labelled("Next  ", next_step(status, can_build), Tone::heading);
  return text;
}

}  // namespace vfio_switch
