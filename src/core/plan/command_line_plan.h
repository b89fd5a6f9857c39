// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cards/intent.h"
#include "core/machine/facts.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// What may be done about the kernel's command line.
struct BootPolicy {
  bool may_add = true;  ///< somebody asked for it; else only what was added before is restored
  bool pass_through = false;  ///< `iommu = pt` in the settings
  bool may_run = true;        ///< the boot loader's tool can be run
};

/// What the kernel's command line adds to a plan.
struct CommandLinePart : PlanPart {
  std::vector<FileChange> settings;  ///< an image that is built may hold them: they come before it
  std::vector<std::string> ours;     ///< see State::boot_parameters
};

/// One plan's command line: what is there, what is wanted, and how it comes about.
class CommandLine {
 public:
  /// All three outlive it.
  CommandLine(const SystemFacts& facts, const State& kept, const BootPolicy& policy)
      : facts_(facts), kept_(kept), policy_(policy) {}

  void want(std::string_view parameter) { wanted_.emplace_back(parameter); }
  /// Wants the ids that were added before, whatever they are.
  void keep_ids();

  [[nodiscard]] bool is_owned(std::string_view parameter) const;
  [[nodiscard]] bool owns_ids() const;
  /// The next boot gets it. What somebody passes in a way that is not known shows in this one.
  [[nodiscard]] bool is_present(std::string_view parameter) const;
  /// This boot has got it, and later ones will not: the default entry lacks it, or its tool writes
  /// it without. Somebody typed it at the boot menu, or edited what is generated.
  [[nodiscard]] bool will_be_lost(std::string_view parameter) const;
  /// Somebody else's word, which counts, and without which its devices would lose vfio-pci; nothing
  /// where the next boot has none, or it gives those of `parameter` too.
  [[nodiscard]] std::optional<std::string> other_ids(std::string_view parameter) const;

  /// The changes that `plan` needs, or the refusal. `why` is what the parameters are for.
  [[nodiscard]] CommandLinePart settle(const Plan& plan, const Reason& why) const;

 private:
  [[nodiscard]] bool is_present_by_others(std::string_view parameter) const;
  [[nodiscard]] CommandLinePart change(const Plan& plan, const std::vector<std::string>& add,
                                       const std::vector<std::string>& drop, bool adds,
                                       const Reason& why) const;
  [[nodiscard]] bool has_image() const;

  const SystemFacts& facts_;
  const State& kept_;
  const BootPolicy& policy_;
  std::vector<std::string> wanted_;
};

/// "vfio-pci.ids=", as it begins on a command line.
inline constexpr std::string_view ids_prefix = "vfio-pci.ids=";

}  // namespace vfio_switch
