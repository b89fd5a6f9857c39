// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/load_order.h"

namespace vfio_switch {

bool LoadOrder::may_be_anybody() const {
  using enum ReasonCause;
  if (proved || !reason) return false;
  const auto cause = reason->cause;
  return cause == script_overrides || cause == entry_word_unclear || cause == signature_unread ||
         cause == may_not_be_loaded || cause == stub_may_take || cause == nothing_orders;
}

bool LoadOrder::is_undecided() const {
  using enum ReasonCause;
  if (proved || !reason) return false;
  const auto cause = reason->cause;
  return may_be_anybody() || cause == file_unread || cause == image_file_unread ||
         cause == command_unclear || cause == commands_in_circle || cause == needed_not_loaded;
}

}  // namespace vfio_switch
