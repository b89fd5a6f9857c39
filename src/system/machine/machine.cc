// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/machine.h"

#include "system/machine/probe.h"
#include "system/machine/profile_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

Result<Machine> read_machine(const FileReader& files) {
  auto profile = load_profile(files);
  if (!profile) return failure_of(profile);
  auto settings = load_settings(files);
  if (!settings) return failure_of(settings);
  auto state = load_state(files);
  if (!state) return failure_of(state);
  auto facts = probe(files, *profile);
  if (!facts) return failure_of(facts);
  return Machine{std::move(*profile), std::move(*settings), std::move(*state), std::move(*facts)};
}

}  // namespace vfio_switch
