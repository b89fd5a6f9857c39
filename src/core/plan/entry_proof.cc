// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/entry_proof.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"
#include "core/cards/card.h"
#include "core/cards/iommu.h"
#include "core/machine/boot_entries.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/module_parameters.h"

namespace vfio_switch {

namespace {

/// Whether the kernel that gets `line` uses the IOMMU; nothing where that is not known.
std::optional<bool> is_iommu_on(const SystemFacts& facts, std::string_view line) {
  const auto vendor = iommu_vendor(facts);
  if (iommu_switched_off_by(line, vendor)) return false;
  constexpr std::string_view key = "intel_iommu";
  const bool passes = has_value(line, key, "on");
  const bool passed = has_value(facts.command_line, key, "on");
  if (facts.iommu_enabled) {
    if (facts.iommu_table != IommuTable::dmar || passes || !passed) return true;
    return std::nullopt;  // CONFIG_INTEL_IOMMU_DEFAULT_ON decides
  }
  if (facts.command_line.empty()) return std::nullopt;
  // It is off now. What turned it off, or did not turn it on, is the same unless the line differs.
  if (iommu_switched_off_by(facts.command_line, vendor)) return true;
  return passes && !passed && facts.iommu_table == IommuTable::dmar;
}

constexpr std::array<std::string_view, 5> deciding_keys = {"vfio_pci.", "modprobe.", "rd.driver.",
                                                           "intel_iommu", "iommu"};

bool decides(std::string_view word) {
  const auto name = module_name(word);
  return is_module_parameter(word) ||
         std::ranges::any_of(deciding_keys, [&](auto key) { return name.starts_with(key); });
}

/// True if a function of `driver` that would register it does not run: the kernel then refuses the
/// module as well (do_one_initcall). Their names begin with the driver's, by custom alone.
bool stops(const ModuleParameters& said, const std::optional<std::string>& driver) {
  return driver && std::ranges::any_of(said.stopped_initcalls, [&](const std::string& function) {
           return function.starts_with(module_name(*driver) + "_") ||
                  (driver == "snd_hda_intel" && function == "azx_driver_init");
         });
}

/// True if with `word` another program than the usual one starts, in the image or after it: what
/// that loads is not known.
bool starts_another(std::string_view word) {
  if (word.starts_with("rdinit=")) return word != "rdinit=/init";
  return word.starts_with("init=") && !word.ends_with("/init") && !word.ends_with("/systemd");
}

/// True if `driver` of a display may be told not to register: nobody takes the card then.
bool keeps_modes(std::string_view word, const std::string& driver) {
  return word == "nomodeset" || module_name(word) == module_name(driver) + ".modeset=0";
}

/// The word of the entry whose effect is not known; nothing where all is clear.
std::optional<std::string> unclear_word(const BootEntry& entry, const PciDevice& device,
                                        const std::optional<std::string>& winner) {
  const auto& line = *entry.command_line;
  const bool is_host_display = device.device_class.is_display() && winner && winner != "vfio-pci";
  for (const auto word : split_words(line, " \t\n")) {
    const auto said = parse_module_parameters(word);
    if (stops(said, winner) || starts_another(word)) return std::string(word);
    if (is_host_display && keeps_modes(word, *winner)) return std::string(word);
  }
  const auto found = std::ranges::find_if(entry.possible_words, decides);
  return found == entry.possible_words.end() ? std::nullopt : std::optional(*found);
}

/// True where `entry` lacks nothing but the files that come with an installed package's kernel:
/// Arch has its modules in place before mkinitcpio copies it to /boot.
bool is_being_upgraded(const BootEntry& entry, const SystemFacts& facts) {
  if (!entry.kernel || !entry.kernel->at.empty() || entry.unknown.empty()) return false;
  if (std::ranges::any_of(entry.unknown, [](const BootUnknown& unknown) {
        return unknown.code != BootUnknownCode::missing;
      })) {
    return false;
  }
  const std::string_view path = entry.kernel->path;
  const auto name = path.substr(path.rfind('/') + 1);
  return std::ranges::any_of(facts.kernels, [&](const Kernel& kernel) {
    return !kernel.package.empty() && name == "vmlinuz-" + kernel.package;
  });
}

}  // namespace

NextBoot EntryProof::outcome() const {
  if (!std::ranges::all_of(functions, &EntryFunction::proved)) return NextBoot::unknown;
  std::set<bool> winners;
  for (const auto& function : functions) winners.insert(function.winner == "vfio-pci");
  if (winners.size() == 2) return NextBoot::mixed;
  return winners.contains(true) ? NextBoot::vfio : NextBoot::host;
}

const EntryProof* MenuProof::next_entry() const {
  return next ? &entries[*next] : nullptr;
}

std::optional<Note> note_on(const MenuProof& menu, bool wanted) {
  const auto* next = menu.next_entry();
  if (next == nullptr) {
    return Note{NoteCause::menu_unknown, {{"reason", menu.why_unknown.value_or(Reason())}}};
  }
  const Datum entry("entry", Quotation{next->entry.title});
  for (const auto& function : next->functions) {
    const auto reason = function.reason.value_or(Reason());
    if (!function.proved) return Note{NoteCause::entry_unproved, {entry, {"reason", reason}}};
    if (!wanted || function.winner == "vfio-pci") continue;
    return Note{NoteCause::entry_differs,
                {entry,
                 {"driver", Word{function.winner.value_or("no driver")}},
                 {"device", function.device},
                 {"reason", reason}}};
  }
  return std::nullopt;
}

std::optional<Note> doubt_about_next_boot(const SystemFacts& facts, bool builds_follow) {
  const auto& menu = facts.boot_menu;
  if (const auto unknown = why_not_known(menu)) {
    return Note{NoteCause::menu_unknown,
                {{"reason", reason_of(ReasonCause::menu_not_known, *unknown)}}};
  }
  const auto next = vfio_switch::next_entry(menu);
  if (!next) return std::nullopt;
  const auto& entry = menu.entries[*next];
  if (builds_follow && is_being_upgraded(entry, facts)) return std::nullopt;
  auto why = why_not_provable(entry, facts);
  if (!why) return std::nullopt;
  return Note{NoteCause::entry_unproved,
              {{"entry", Quotation{entry.title}}, {"reason", std::move(*why)}}};
}

Note copy_stale_note(const SystemFacts& facts, const std::string& copy, const std::string& source) {
  auto command = copy_command(facts.entry_tool);
  if (command.empty()) command = {"cp", source, copy};
  return {NoteCause::copy_stale,
          {{"file", Place{copy}}, {"source", Place{source}}},
          {Run{{std::move(command)}}}};
}

Reason reason_of(ReasonCause cause, const BootUnknown& unknown) {
  return {cause,
          {{"why", Quotation{describe(unknown)}},
           {"unknown", Word{std::string(to_string(unknown.code))}}}};
}

std::optional<Reason> why_not_provable(const BootEntry& entry, const SystemFacts& facts) {
  if (const auto unknown = why_no_files(entry)) {
    return reason_of(ReasonCause::entry_not_known, *unknown);
  }
  if (!entry.release) {
    const auto path = entry.unified_image ? entry.unified_image->path
                      : entry.kernel      ? entry.kernel->path
                                          : std::string();
    const auto found = std::ranges::find_if(entry.unknown, [](const BootUnknown& unknown) {
      return unknown.code == BootUnknownCode::unreadable ||
             unknown.code == BootUnknownCode::release;
    });
    return reason_of(
        ReasonCause::entry_not_known,
        found != entry.unknown.end() ? *found : BootUnknown{BootUnknownCode::release, path});
  }
  if (!entry.command_line) {
    return reason_of(ReasonCause::entry_not_known,
                     entry.unknown.empty()
                         ? BootUnknown{BootUnknownCode::unreadable, entry.source.file}
                         : entry.unknown.front());
  }
  if (std::ranges::find(facts.kernels, *entry.release, &Kernel::release) == facts.kernels.end()) {
    return Reason(ReasonCause::entry_modules_missing, {{"kernel", Word{*entry.release}}});
  }
  return std::nullopt;
}

std::vector<std::string> deciding_words(std::string_view command_line) {
  if (command_line.contains('"')) return {std::string(command_line)};
  std::vector<std::string> words;
  for (const auto word : split_words(command_line, " \t\n")) {
    const bool decides_too = word == "--" || word.starts_with("amd_iommu=");
    if (decides_too || decides(word)) words.emplace_back(word);
  }
  return words;
}

EntryFunction not_proved(PciAddress device, Reason why) {
  return {device, std::nullopt, false, why, {why}};
}

EntryFunction under_entry(const LoadOrder& order, const BootEntry& entry,
                          const SystemFacts& facts) {
  EntryFunction function{order.device, order.winner, order.proved, order.reason, order.chain};
  const auto& device = *find_device(facts, order.device);
  if (const auto word = unclear_word(entry, device, order.winner)) {
    return not_proved(order.device,
                      {ReasonCause::entry_word_unclear, {{"parameter", Parameter{*word}}}});
  }
  if (order.may_be_anybody()) function.winner.reset();
  if (!order.vfio_wins()) return function;
  const auto iommu = is_iommu_on(facts, *entry.command_line);
  if (iommu == true) return function;
  if (!iommu) {
    function.proved = false;
    function.reason = {ReasonCause::entry_lacks_parameter,
                       {{"parameter", Parameter{"intel_iommu=on"}}}};
    function.chain.push_back(*function.reason);
    return function;
  }
  // vfio-pci refuses a function without a group; the softdep lets the next one have it.
  function.reason = ReasonCause::entry_leaves_iommu_off;
  function.chain.push_back(*function.reason);
  function.winner.reset();
  for (const auto& module : order.contenders) {
    if (module == "vfio_pci") continue;
    function.winner = module;
    break;
  }
  return function;
}

}  // namespace vfio_switch
