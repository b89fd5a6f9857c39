// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/doctor/diagnosis.h"
#include "core/facts_builder.h"

namespace vfio_switch::test {

/// `facts` as doctor sees them: nothing is staged and nothing amiss, and vfio-pci would win.
[[nodiscard]] Examination healthy(const SystemFacts& facts, const State& state = {});

/// The same, enabled for the card that is chosen automatically, and active.
[[nodiscard]] Examination enabled(const FactsBuilder& machine);

/// `examination` with something changed.
[[nodiscard]] Examination with(Examination examination,
                               const std::function<void(Examination&)>& change);

/// A finding, an examination that has it, and the nearest one that must not.
struct Row {
  FindingCode code;
  std::string when;
  Examination trigger;
  Examination neighbour;
  std::string says;    ///< a part of what is found
  std::string remedy;  ///< a part of what helps
  Severity severity = kind_of(code).severity;
};

[[nodiscard]] std::vector<Row> given_rows();
[[nodiscard]] std::vector<Row> hardware_rows();
[[nodiscard]] std::vector<Row> configuration_rows();
[[nodiscard]] std::vector<Row> surroundings_rows();

}  // namespace vfio_switch::test
