// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/operation.h"

#include <algorithm>

#include "apply/leave_menu.h"
#include "apply/lock.h"
#include "core/base/text.h"
#include "core/boot/menu_loss.h"
#include "system/boot/esp_view.h"
#include "system/machine/profile_store.h"
#include "system/planner/image_judge.h"
#include "system/process/process.h"
#include "system/state/boot_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

/// What earlier boots came to says nothing about what is staged now. A trace that stays is no
/// failure.
void forget_boots(FileStore& files) {
  for (const auto& path : {boot_count_path, boot_record_path, motd_path, images_owed_path}) {
    if (files.exists(path)) (void)files.replace(path, Absent{});
  }
}

/// What a person can look at where the tool of `loader` writes other entries than were there.
std::string look_at_entries(const BootLoader& loader) {
  std::vector<std::string> command;
  if (const auto* grub = std::get_if<Grub>(&loader)) command = grub->command;
  if (const auto* generator = std::get_if<EntryGenerator>(&loader)) command = generator->command;
  std::string text =
      "The boot menu's settings do not say what its entries say. Compare them, and put into the "
      "settings what is missing there";
  if (!command.empty()) text += "; '" + join(command, " ") + "' writes the entries";
  return text + ". Then try again.";
}

/// An Error where an entry of the boot menu has lost what it had, or lacks what it was to get. On
/// the way back nothing is asked of an entry but that it is there: whoever gives the card back need
/// not own what somebody else's settings pass.
Result<void> compare_menus(const Machine& before, const BootMenu& after, const State& wanted,
                           const FileReader& seen) {
  const bool enables = wanted.intent == Intent::enabled;
  const auto& kept = wanted.boot_parameters;
  auto drop = before.state.boot_parameters;
  std::erase_if(drop, [&](const std::string& parameter) {
    return std::ranges::find(kept, parameter) != kept.end();
  });
  const auto loss =
      find_menu_loss(before.facts.boot_menu, after, enables ? kept : std::vector<std::string>(),
                     drop, [&](const std::string& path) { return seen.exists(path); });
  if (!loss) return {};
  const auto entry = "the boot menu entry '" + printable(loss->entry) + "'";
  const auto word = printable(loss->word);
  switch (loss->what) {
    case MenuLoss::What::entry:
      return fail(entry + " is gone", look_at_entries(before.facts.boot_loader));
    case MenuLoss::What::word:
      return fail(entry + " has lost " + word, look_at_entries(before.facts.boot_loader));
    case MenuLoss::What::missing:
      return fail(entry + " lacks " + word, look_at_entries(before.facts.boot_loader));
  }
  return {};
}

/// True if carrying out `plan` would change anything, the remembered state included.
bool is_worth_doing(const FileReader& files, const Plan& plan) {
  if (!plan.refusals.empty()) return false;
  if (!plan.diff.empty()) return true;
  const auto state = load_state(files);
  return state && *state != plan.state;
}

}  // namespace

Result<OperationResult> Operation::run(FileStore& files, CommandRunner& runner) const {
  const InterruptionGuard guard;
  if (auto made = make_state_directories(files); !made) return failure_of(made);
  auto lock = Lock::take(files, verb, patience);
  if (!lock) return failure_of(lock);
  auto journal = Journal::load(files);
  if (!journal) return failure_of(journal);

  OperationResult result;
  auto recovered = Recovery(files, runner, progress).recover(*journal);
  if (!recovered) return failure_of(recovered);
  if (*recovered && progress.on_recovery) progress.on_recovery(**recovered);
  auto profile = load_profile(files);
  if (!profile) return failure_of(profile);
  Transaction transaction(files, runner, *profile, progress);

  auto planned = mounts_esps ? plan_for(EspView(files), *journal) : plan_for(files, *journal);
  if (!planned) return failure_of(planned);
  result.plan = std::move(planned->plan);
  if (!is_worth_doing(files, result.plan)) return result;
  transaction.check_images([&](const RebuildInitramfs& built) -> Result<BuiltImage> {
    // What built it may have written the boot loader's entries anew.
    const auto check = [&](const FileReader& seen) -> Result<BuiltImage> {
      auto now = read_machine(seen);
      if (!now) return failure_of(now);
      return ImageJudge(seen, *now).check_built(result.plan, built);
    };
    return mounts_esps ? check(EspView(files)) : check(files);
  });
  transaction.check_menu([&]() -> Result<void> {
    const auto check = [&](const FileReader& seen) -> Result<void> {
      const auto now = read_machine(seen);
      // What cannot be read any more is told with the proof.
      if (!now) return {};
      return compare_menus(planned->machine, now->facts.boot_menu, result.plan.state, seen);
    };
    return mounts_esps ? check(EspView(files)) : check(files);
  });
  auto diff = result.plan.diff;
  if (!boot_loader) {
    std::erase_if(diff, [](const Change& c) { return std::holds_alternative<BootParameters>(c); });
  }
  auto done =
      transaction.run(*journal, {verb, std::move(diff), result.plan.state, rebuild, forget});
  if (!done) return failure_of(done);
  result.changed = true;
  forget_boots(files);
  result.menu = mounts_esps ? prove_and_leave_menu(EspView(files), files, result.plan)
                            : prove_and_leave_menu(files, files, result.plan);
  return result;
}

Result<Preview> Operation::plan_for(const FileReader& files, const Journal& journal) const {
  auto machine = read_machine(files);
  if (!machine) return failure_of(machine);
  auto plan = make_plan(files, *machine, journal);
  if (!plan) return failure_of(plan);
  return Preview{std::move(*machine), std::move(*plan)};
}

Attempt Operation::attempt(const FileReader& files) const {
  Attempt attempt{preview(files, make_plan, forget ? JournalUse::needed : JournalUse::optional)};
  const auto journal = Journal::load(files);
  attempt.is_pending = journal && needs_recovery(files, *journal);
  attempt.is_needed =
      attempt.is_pending || (attempt.preview && is_worth_doing(files, attempt.preview->plan));
  return attempt;
}

Result<Preview> preview(const FileReader& files, const MakePlan& make, JournalUse use) {
  auto machine = read_machine(files);
  if (!machine) return failure_of(machine);
  auto journal = Journal::load(files);
  if (!journal) {
    const bool unreadable = journal.error().kind == ErrorKind::permission;
    if (use == JournalUse::needed || !unreadable) return failure_of(journal);
    journal = Journal();
  }
  auto plan = make(files, *machine, *journal);
  if (!plan) return failure_of(plan);
  return Preview{std::move(*machine), std::move(*plan)};
}

std::optional<Refusal> interrupted_change(const FileReader& files) {
  const auto journal = Journal::load(files);
  if (!journal || journal->interrupted() == nullptr) return std::nullopt;
  return Refusal{RefusalCause::change_unfinished, {{"verb", Word{journal->interrupted()->verb}}}};
}

}  // namespace vfio_switch
