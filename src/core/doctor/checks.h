// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/doctor/examination.h"
#include "core/doctor/finding.h"

namespace vfio_switch {

// One function for each topic; each adds what it finds.
void check_iommu(const Examination& examination, std::vector<Finding>& findings);
void check_isolation(const Examination& examination, std::vector<Finding>& findings);
void check_display(const Examination& examination, std::vector<Finding>& findings);
void check_vfio_module(const Examination& examination, std::vector<Finding>& findings);
void check_given(const Examination& examination, std::vector<Finding>& findings);
void check_drivers(const Examination& examination, std::vector<Finding>& findings);
void check_leftovers(const Examination& examination, std::vector<Finding>& findings);
void check_staging(const Examination& examination, std::vector<Finding>& findings);
void check_boot(const Examination& examination, std::vector<Finding>& findings);
void check_holders(const Examination& examination, std::vector<Finding>& findings);
void check_virtual_machines(const Examination& examination, std::vector<Finding>& findings);

/// True if `address` is one of the functions that the examination is about.
[[nodiscard]] bool is_in_question(const Examination& examination, const PciAddress& address);

/// The GPUs among the functions in question.
[[nodiscard]] std::vector<const PciDevice*> gpus_in_question(const Examination& examination);

/// Why the cards in question cannot be passed through; each reason once.
[[nodiscard]] std::vector<Refusal> refusals_in_question(const Examination& examination);

/// A warning where passthrough is meant to be on, else a note: it will matter then.
[[nodiscard]] Severity severity_once_wanted(const Examination& examination);

}  // namespace vfio_switch
