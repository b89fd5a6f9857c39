// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/leave_menu.h"

#include <utility>

#include "system/machine/machine.h"
#include "system/planner/planner.h"
#include "system/state/state_store.h"

namespace vfio_switch {

void leave_menu(FileStore& files, const MenuProof& menu, Moment began) {
  (void)files.replace(menu_record_path, RegularFile{render_menu_record(menu, began), 0644, 0, 0});
}

std::optional<MenuProof> prove_and_leave_menu(const FileReader& seen, FileStore& files,
                                              const Plan& done) {
  const auto began = std::chrono::system_clock::now();
  const auto machine = read_machine(seen);
  if (!machine) return std::nullopt;
  auto menu = Planner(seen, *machine).prove_menu(done);
  if (!menu) return std::nullopt;
  leave_menu(files, *menu, began);
  return std::move(*menu);
}

}  // namespace vfio_switch
