// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/message/reason_cause.h"
#include "core/message/template.h"

namespace vfio_switch {

/// A row of the table of reasons.
struct ReasonKind {
  ReasonCause cause = ReasonCause::not_known;
  std::string_view name;  ///< the cause's stable text: "driver-built-in"
  Template text;          ///< a clause, without a capital at its front or a full stop
};

/// Every kind, in the order of ReasonCause.
[[nodiscard]] const std::vector<ReasonKind>& reason_kinds();

[[nodiscard]] const ReasonKind& kind_of(ReasonCause cause);
[[nodiscard]] std::optional<ReasonCause> parse_reason_cause(std::string_view name);

}  // namespace vfio_switch
