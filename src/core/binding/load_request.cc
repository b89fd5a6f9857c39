// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/load_request.h"

namespace vfio_switch {

void give_ids(LoadRequest& request, const EarlyModule& early) {
  (early.module == "pci_stub" ? request.stub_ids : request.ids) = early.ids;
}

}  // namespace vfio_switch
