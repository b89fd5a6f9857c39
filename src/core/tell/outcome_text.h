// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/table.h"
#include "core/plan/entry_proof.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// What the next boot will do with the card, now that `plan` was carried out: one sentence without
/// its full stop, computed from the proof and not from the command that was typed. A result that
/// is not proved, or that differs in a way that takes a table, is left to `status`.
[[nodiscard]] std::string next_boot_sentence(const Plan& plan);

/// The same of the boot menu entry that starts next, proved after the change.
[[nodiscard]] std::string next_boot_sentence(const MenuProof& menu);

/// What is said where a plan, which is not refused, changes nothing.
[[nodiscard]] std::string nothing_text(const Plan& plan);

/// What is said when a plan was carried out. `built`: images and boot loader files were made as
/// well; otherwise each that does not fit the files any more is named first.
/// `menu` was proved after the change; null: it was not.
[[nodiscard]] std::string done_text(const Plan& plan, bool built, const Style& style,
                                    const MenuProof* menu = nullptr);

}  // namespace vfio_switch
