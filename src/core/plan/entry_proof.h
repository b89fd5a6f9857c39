// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/machine/facts.h"
#include "core/message/data.h"
#include "core/message/note.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// What a boot does with the card; of several functions, whether they all fare alike.
enum class NextBoot { vfio, host, mixed, unknown };

/// Which driver gets one function if an entry of the boot menu is started.
struct EntryFunction {
  PciAddress device;
  std::optional<std::string> winner;  ///< nothing: no driver, or not known
  bool proved = false;
  std::optional<Reason> reason;    ///< why it is not proved, or why vfio-pci does not win
  std::vector<Reason> chain = {};  ///< what led there: see LoadOrder

  bool operator==(const EntryFunction&) const = default;
};

/// What an earlier run, as root, proved of an entry that this user may not read.
struct RecordedOutcome {
  std::string time;        ///< ISO 8601, in UTC
  std::string local_time;  ///< as people here write it
  NextBoot outcome = NextBoot::unknown;
};

/// An entry of the boot menu, and what it does with the card.
struct EntryProof {
  BootEntry entry;
  std::vector<EntryFunction> functions = {};  ///< of a snapshot or another system: none
  std::vector<Place> evidence = {};           ///< what the proof was made of
  /// Set where the winners are that run's; none of them counts as proved.
  std::optional<RecordedOutcome> recorded = {};

  [[nodiscard]] NextBoot outcome() const;
};

/// A menu, proved.
struct MenuProof {
  std::vector<EntryProof> entries = {};    ///< in the menu's order
  std::optional<std::size_t> next = {};    ///< what the next boot starts
  std::optional<Reason> why_unknown = {};  ///< why `next` is not known

  /// The entry that the next boot starts; null where it is not known.
  [[nodiscard]] const EntryProof* next_entry() const;
};

/// Why nothing can be said about `entry`; nothing where its files, its kernel and its command line
/// are known.
[[nodiscard]] std::optional<Reason> why_not_provable(const BootEntry& entry,
                                                     const SystemFacts& facts);

/// The words of `command_line` that anything in an entry's proof depends on, in order: entries with
/// the same files that have the same ones fare alike. A line with quotes is one word.
[[nodiscard]] std::vector<std::string> deciding_words(std::string_view command_line);

/// What becomes of `order`, which was proved with the entry's files and command line, by what its
/// command line decides beside the order in which modules are loaded.
[[nodiscard]] EntryFunction under_entry(const LoadOrder& order, const BootEntry& entry,
                                        const SystemFacts& facts);

/// A function of an entry that nothing is known of.
[[nodiscard]] EntryFunction not_proved(PciAddress device, Reason why);

/// What has to be said of the next boot: that it is not known, or, where passthrough is `wanted`,
/// that another driver gets a function. Nothing where all is proved and as it should be.
[[nodiscard]] std::optional<Note> note_on(const MenuProof& menu, bool wanted);

/// Why it cannot be proved what the next boot does, before anything is looked into: the reason is
/// its last datum. Nothing where it can. With `builds_follow` a package manager is at work, which
/// takes a kernel out of /boot before an upgrade, and builds images after it.
[[nodiscard]] std::optional<Note> doubt_about_next_boot(const SystemFacts& facts,
                                                        bool builds_follow);

/// That `copy`, which boots, is older than `source`, and what copies it.
[[nodiscard]] Note copy_stale_note(const SystemFacts& facts, const std::string& copy,
                                   const std::string& source);

/// As a person and a program are told it.
[[nodiscard]] Reason reason_of(ReasonCause cause, const BootUnknown& unknown);

}  // namespace vfio_switch
