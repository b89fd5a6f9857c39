// SPDX-License-Identifier: GPL-3.0-or-later
// Linked to a program's own objects: it then speaks the language that nobody speaks.
#include "core/message/format.h"
#include "pseudo/pseudo_catalogue.h"

namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables,cert-err58-cpp): before main()
[[maybe_unused]] const bool is_spoken = [] {
  vfio_switch::speak(vfio_switch::pseudo_translation);
  return true;
}();

}  // namespace
