// SPDX-License-Identifier: GPL-3.0-or-later
#include "hook/events.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iostream>
#include <string_view>

#include "apply/lock.h"
#include "apply/operation.h"
#include "apply/progress.h"
#include "apply/rollback.h"
#include "core/report.h"
#include "core/text.h"
#include "hook/boot_events.h"
#include "system/alpm_hooks.h"
#include "system/boot_store.h"
#include "system/package_db.h"
#include "system/planner.h"
#include "system/state_store.h"

namespace vfio_switch {

namespace {

/// A plan that leaves everything as it is.
Plan no_change(const Machine& machine) {
  Plan plan;
  plan.state = machine.state;
  return plan;
}

/// One event at work: what every kind of it needs.
class Site {
 public:
  explicit Site(const Event& event) : event_(event) {}

  Result<void> open() {
    auto store = open_store(event_.root);
    if (!store) return failure_of(store);
    files_ = std::move(*store);
    runner_ = make_command_runner(event_.root);
    return {};
  }

  [[nodiscard]] FileStore& files() const { return *files_; }

  /// Changes the machine by the plan that `make` gives; says why where it is refused.
  Result<void> change(const MakePlan& make, bool rebuild, bool forget) {
    const auto previewed = preview(*files_, make, forget);
    if (!previewed) return std::unexpected(previewed.error());
    const auto& first = previewed->plan;
    if (!is_worth_doing(*files_, first)) {
      if (!first.refusals.empty() && !refusals_told_) std::cout << refusals_text(first);
      return {};
    }
    return carry_out(make, rebuild, forget);
  }

  /// Ends what an earlier run left unfinished, whatever the event is.
  Result<void> recover() {
    if (!is_change_pending(*files_)) return {};
    const auto nothing = [](const FileReader&, const Machine& machine, const Journal&) {
      return Result<Plan>(no_change(machine));
    };
    return carry_out(nothing, false, false);
  }

  /// An event of the same transaction has said why a plan is refused.
  void set_refusals_told() { refusals_told_ = true; }

  [[nodiscard]] bool changed() const { return changed_; }
  /// Images are built only where the tool sees this machine.
  [[nodiscard]] bool can_rebuild() const { return event_.root == "/"; }

 private:
  Result<void> carry_out(const MakePlan& make, bool rebuild, bool forget) {
    const Operation operation{.verb = event_.name,
                              .make_plan = make,
                              .rebuild = rebuild,
                              .boot_loader = can_rebuild(),
                              .forget = forget,
                              .patience = std::chrono::seconds(30),
                              .progress = make_progress()};
    auto result = operation.run(*files_, *runner_);
    if (!result) {
      auto error = std::move(result).error();
      error.message = "'" + event_.name + "' was not carried out: " + error.message;
      return std::unexpected(std::move(error));
    }
    for (const auto& note : result->plan.notes) std::cout << "vfio-switch: " << note << "\n";
    if (!result->plan.refusals.empty()) std::cout << refusals_text(result->plan);
    changed_ = result->changed;
    return {};
  }

  const Event& event_;
  std::unique_ptr<FileStore> files_;
  std::unique_ptr<CommandRunner> runner_;
  bool changed_ = false;
  bool refusals_told_ = false;
};

Result<void> note_set_up(FileStore& files, const std::string& text) {
  if (auto made = make_state_directories(files); !made) return made;
  return files.replace(set_up_path, RegularFile{text + "\n", 0644, 0, 0});
}

Result<void> disable(Site& site) {
  const auto make = [&](const FileReader& files, const Machine& machine, const Journal&) {
    PlanOptions options;
    options.can_rebuild = site.can_rebuild();
    return Planner(files, machine).disable(options);
  };
  return site.change(make, site.can_rebuild(), false);
}

BootSite boot_site(Site& site) {
  return {site.files(), site.can_rebuild(), [&site] { return disable(site); }};
}

/// Makes the kept intent hold again, after something else on the machine changed.
/// `built_elsewhere`: the kernel whose image the caller builds next.
Result<void> refresh(Site& site, const std::string& built_elsewhere, bool rebuild) {
  auto state = load_state(site.files());
  if (!state) return failure_of(state);
  if (state->intent != Intent::enabled) return {};
  const auto given_up = give_up_after_failed_boots(boot_site(site));
  if (!given_up) return std::unexpected(given_up.error());
  if (*given_up) return {};
  const auto make = [&](const FileReader& files, const Machine& machine, const Journal&) {
    // A disable may have held the lock until now.
    if (machine.state.intent != Intent::enabled) return Result<Plan>(no_change(machine));
    EnableOptions options;
    options.may_add_parameters = false;
    options.plan.can_rebuild = rebuild;
    options.plan.built_elsewhere = built_elsewhere;
    return Planner(files, machine).enable(options);
  };
  return site.change(make, rebuild, false);
}

Result<void> refresh(Site& site, const std::string& built_elsewhere) {
  return refresh(site, built_elsewhere, site.can_rebuild());
}

Result<void> post_install(Site& site, bool rebuild) {
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->facts.foreign_environment) {
    std::cout << "vfio-switch: set-up pending: this is " << *machine->facts.foreign_environment
              << "; 'vfio-switch enable' sets up on the machine itself.\n";
    return note_set_up(site.files(), "pending: " + *machine->facts.foreign_environment);
  }
  if (site.files().exists(set_up_path)) return refresh(site, {}, rebuild);
  if (machine->settings.forbidden || machine->state.intent != Intent::unset) {
    return note_set_up(site.files(), "done");
  }
  const auto make = [&](const FileReader& files, const Machine& now, const Journal&) {
    if (now.state.intent != Intent::unset) return Result<Plan>(no_change(now));
    EnableOptions options;
    options.automatic = true;
    options.plan.can_rebuild = rebuild;
    return Planner(files, now).enable(options);
  };
  const auto changed = site.change(make, rebuild, false);
  // After it: one that was cut off by a power failure is tried again.
  if (auto noted = note_set_up(site.files(), "done"); !noted) return noted;
  if (!changed) return changed;
  if (site.changed()) {
    std::cout << "vfio-switch: after the next boot vfio-pci has the card.\n"
              << escape_text(machine->facts.command_line_locked);
  }
  return {};
}

/// The targets of a transaction, which pacman writes to the standard input of a hook.
std::vector<std::string> read_targets() {
  std::vector<std::string> targets;
  for (std::string line; std::getline(std::cin, line);) targets.push_back(line);
  return targets;
}

/// In a pacman transaction, before the hook that builds images: files alone, no image. At the
/// first installation this is the set-up, since every package of the transaction is in place.
Result<void> alpm_refresh(Site& site) {
  (void)read_targets();  // pacman complains of a hook that does not read them
  if (site.files().exists(set_up_path)) return refresh(site, {}, false);
  return post_install(site, false);
}

/// After that hook. Where it was not called, images are built that need it; where it was, there is
/// no second build of them: what is not as wanted is told.
Result<void> alpm_check(Site& site) {
  const auto built = builds_images(site.files(), read_targets());
  if (!built) return std::unexpected(built.error());
  site.set_refusals_told();  // alpm_refresh has said them
  if (!*built) return refresh(site, {}, site.can_rebuild());
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->state.intent != Intent::enabled) return {};
  auto status = Planner(site.files(), *machine).status();
  if (!status) return failure_of(status);
  if (!status->refusals.empty()) return {};
  auto packages = read_packages(site.files(), machine->facts.kernels);
  if (!packages) return failure_of(packages);
  status->packages = std::move(*packages);
  for (const auto& kernel : status->kernels) {
    const bool has_none = kernel.image == std::nullopt;
    if (kernel.staged != false || has_none) continue;
    std::cerr << "warning: kernel "
              << printable(kernel.release + status->package_text(kernel.release)) << ": "
              << printable(kernel.reason)
              << ". Look at what was said above; 'vfio-switch enable' builds its image anew.\n";
  }
  return {};
}

/// Without an intent no image was ever changed.
Result<void> list_images(Site& site) {
  const auto machine = read_machine(site.files());
  if (!machine) return std::unexpected(machine.error());
  if (machine->state.intent == Intent::unset) return {};
  std::string text;
  for (const auto& kernel : machine->facts.kernels) {
    if (kernel.initramfs) text += kernel.release + " " + *kernel.initramfs + "\n";
  }
  return site.files().replace(images_path, RegularFile{text, 0644, 0, 0});
}

/// Before the package's files go: everything is put back, the intent alone is kept, in case the
/// removal is aborted. The images follow once the package is gone.
Result<void> pre_remove(Site& site) {
  const auto make = [](const FileReader& files, const Machine& machine, const Journal& journal) {
    PlanOptions options;
    options.edited = EditedFiles::save;
    options.can_rebuild = false;
    auto plan = plan_rollback(files, machine, journal, options);
    if (plan) plan->state = machine.state;
    return plan;
  };
  if (site.files().exists(motd_path)) (void)site.files().replace(motd_path, Absent{});
  // Before the change: where it is cut off, the images still follow what its recovery leaves.
  if (auto listed = list_images(site); !listed) return listed;
  return site.change(make, false, true);
}

Result<void> rollback(Site& site) {
  const auto make = [&](const FileReader& files, const Machine& machine, const Journal& journal) {
    PlanOptions options;
    options.can_rebuild = site.can_rebuild();
    return plan_rollback(files, machine, journal, options);
  };
  return site.change(make, site.can_rebuild(), true);
}

/// Somebody else built the image of `release`: says so where it does not do what is wanted.
Result<void> image_built(Site& site, const std::string& release) {
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->state.intent != Intent::enabled) return {};
  auto status = Planner(site.files(), *machine).status();
  if (!status) return failure_of(status);
  const auto row = std::ranges::find(status->kernels, release, &KernelStatus::release);
  if (row == status->kernels.end() || !row->image || row->staged != false) return {};
  return fail("kernel " + release + " would not give the card to vfio-pci: " + row->reason,
              "Run 'vfio-switch enable'.");
}

struct Handler {
  std::string_view name;
  std::size_t arguments;
  std::function<Result<void>(Site&, const Event&)> handle;
};

const std::array<Handler, 12>& handlers() {
  static const std::array<Handler, 12> all = {{
      {"post-install", 0,
       [](Site& site, const Event&) { return post_install(site, site.can_rebuild()); }},
      {"post-upgrade", 0, [](Site& site, const Event&) { return refresh(site, {}); }},
      {"pre-remove", 0, [](Site& site, const Event&) { return pre_remove(site); }},
      {"kernel-added", 1,
       [](Site& site, const Event& event) { return refresh(site, event.arguments.front()); }},
      {"image-built", 1,
       [](Site& site, const Event& event) { return image_built(site, event.arguments.front()); }},
      {"drivers-changed", 0, [](Site& site, const Event&) { return refresh(site, {}); }},
      {"alpm-refresh", 0, [](Site& site, const Event&) { return alpm_refresh(site); }},
      {"alpm-check", 0, [](Site& site, const Event&) { return alpm_check(site); }},
      {"boot-begin", 0, [](Site& site, const Event&) { return begin_boot(boot_site(site)); }},
      {"boot-check", 0, [](Site& site, const Event&) { return check_boot(boot_site(site)); }},
      {"disable", 0, [](Site& site, const Event&) { return disable(site); }},
      {"rollback", 0, [](Site& site, const Event&) { return rollback(site); }},
  }};
  return all;
}

}  // namespace

Result<Event> parse_event(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  Event event;
  if (words.size() >= 2 && words[0] == "--sysroot") {
    event.root = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (!words.empty()) {
    event.name = words.front();
    event.arguments.assign(words.begin() + 1, words.end());
  }
  const auto* handler = std::ranges::find(handlers(), event.name, &Handler::name);
  if (handler != handlers().end() && handler->arguments == event.arguments.size()) return event;
  std::string usage = "usage: vfio-switch-hook [--sysroot DIR] EVENT, where EVENT is";
  for (const auto& known : handlers()) {
    usage += " " + std::string(known.name) + (known.arguments == 1 ? " VERSION" : "") + ",";
  }
  usage.pop_back();
  return fail(ErrorKind::usage, usage);
}

Result<void> handle(const Event& event) {
  Site site(event);
  if (auto opened = site.open(); !opened) return opened;
  if (auto recovered = site.recover(); !recovered) return recovered;
  const auto* handler = std::ranges::find(handlers(), event.name, &Handler::name);
  return handler->handle(site, event);
}

bool is_command(const Event& event) {
  return event.name == "disable" || event.name == "rollback";
}

}  // namespace vfio_switch
