// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cards/refusal.h"
#include "core/doctor/finding_cause.h"
#include "core/message/data.h"
#include "core/message/remedy.h"
#include "core/message/template.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// How much a finding matters. Notes are worth knowing and are no failure.
enum class Severity { problem, warning, note };

[[nodiscard]] std::string_view to_string(Severity severity);

/// What is the same for every finding of a code.
struct FindingKind {
  FindingCode code = FindingCode::iommu_firmware_off;
  std::string_view text;  ///< "iommu-firmware-off"
  Severity severity = Severity::problem;
  Template why;  ///< why it matters, one sentence
};

/// Every kind, in the order of FindingCode.
[[nodiscard]] const std::vector<FindingKind>& finding_kinds();

[[nodiscard]] const FindingKind& kind_of(FindingCode code);

/// What is the same for every finding of a cause.
struct FindingRow {
  FindingCause cause = FindingCause::iommu_firmware_off;
  FindingCode code = FindingCode::iommu_firmware_off;
  std::string_view text;  ///< "iommu-firmware-off"
  Template found;         ///< what is the case, one sentence; none where a refusal says it
};

/// Every row, in the order of FindingCause.
[[nodiscard]] const std::vector<FindingRow>& finding_rows();

[[nodiscard]] const FindingRow& row_of(FindingCause cause);

/// A row of a table that shows more of a finding; a single cell is a line of its own.
using DetailRow = std::vector<Item>;

/// One thing that stands in the way of passthrough, or will.
struct Finding {
  FindingCause cause = FindingCause::iommu_firmware_off;
  Severity severity = Severity::problem;
  Data data = {};                        ///< what was found: files and lines, addresses
  Remedy remedy = {};                    ///< what helps
  std::vector<PciAddress> devices = {};  ///< what it is about, where that is hardware
  std::vector<DetailRow> details = {};
  std::optional<Refusal> refusal = {};  ///< what says it, where the planner would refuse for it
  bool ours = false;                    ///< 'doctor --fix' repairs it

  [[nodiscard]] FindingCode code() const { return row_of(cause).code; }

  bool operator==(const Finding&) const = default;
};

/// A finding of the usual severity of its kind.
[[nodiscard]] Finding make_finding(FindingCause cause, Data data, Remedy remedy,
                                   std::vector<PciAddress> devices = {});

/// A finding that repeats why a plan is refused.
[[nodiscard]] Finding repeat_refusal(FindingCause cause, const Refusal& refusal, Remedy remedy);

/// True where a finding is more than a note.
[[nodiscard]] bool falls_short(const std::vector<Finding>& findings);

}  // namespace vfio_switch
