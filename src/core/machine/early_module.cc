// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/early_module.h"

#include <utility>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

std::optional<EarlyModule> with_options(std::string_view line, Place where) {
  line = trim(line.substr(0, line.find('#')));
  const auto end = line.find_first_of(" \t");
  const auto name = line.substr(0, end);
  if (name.empty()) return std::nullopt;
  EarlyModule early{module_name(name), std::move(where)};
  const bool takes_ids = early.module == "vfio_pci" || early.module == "pci_stub";
  if (takes_ids && end != std::string_view::npos) {
    early.ids = ids_option(line.substr(end));
  }
  return early;
}

}  // namespace vfio_switch
