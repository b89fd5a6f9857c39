// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cards/intent.h"
#include "core/machine/facts.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// Collects the changes of a plan, and the refusals of files that are not ours to change.
class DiffBuilder {
 public:
  /// `state` is what the plan is for: its command is what a person types. `ids` are the card's.
  DiffBuilder(const SystemFacts& facts, const PlanOptions& options, const State& state,
              std::set<PciId> ids)
      : facts_(facts), options_(options), state_(state), ids_(std::move(ids)) {}

  /// Wants `content` at `path`; nothing: no file.
  void want(std::string_view path, const std::optional<std::string>& content, Reason reason);

  /// Wants an edited file of ours out of effect, and no byte of it lost.
  void want_put_out(std::string_view path, const RegularFile& file);

  PlanPart take() { return std::move(part_); }

 private:
  /// Of a file that want_put_out() was about somebody's own lines come back first. True where that
  /// is all that is done.
  [[nodiscard]] bool was_put_out(const std::string& path, const RegularFile& file,
                                 const std::optional<std::string>& wanted);
  [[nodiscard]] Remedy replace_or_keep(const std::vector<PciAddress>& losing = {}) const;
  /// The devices beside the card that the file gives to vfio-pci, and that `wanted` does not.
  [[nodiscard]] std::vector<PciAddress> losing(const std::string& path, std::string_view content,
                                               std::string_view wanted) const;
  [[nodiscard]] bool may_replace(const std::string& path, const FileState& before,
                                 const std::string& wanted);

  const SystemFacts& facts_;
  const PlanOptions& options_;
  const State& state_;
  std::set<PciId> ids_;
  PlanPart part_;
};

}  // namespace vfio_switch
