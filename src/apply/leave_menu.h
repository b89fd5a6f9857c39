// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "core/plan/entry_proof.h"
#include "core/plan/plan.h"
#include "system/files/file_store.h"
#include "system/state/menu_store.h"

namespace vfio_switch {

/// Leaves what `menu` proves for those who may not read the boot menu: see MenuRecord. `began`:
/// before the machine was read for the proof. A record that cannot be written is no failure of the
/// command that proved: without one `status` says what it can see.
void leave_menu(FileStore& files, const MenuProof& menu, Moment began);

/// Proves what every entry of the boot menu, as `seen`, does with the functions of the plan that
/// was `done`, and leaves it in `files`. Nothing where that cannot be looked at any more: the
/// change is made.
[[nodiscard]] std::optional<MenuProof> prove_and_leave_menu(const FileReader& seen,
                                                            FileStore& files, const Plan& done);

}  // namespace vfio_switch
