// SPDX-License-Identifier: GPL-3.0-or-later
// EFI variables: the name in efivarfs in the first line, the content behind it.
#include "core/boot/efi_variables.h"

#include <algorithm>

#include "core/boot/firmware_menu.h"
#include "core/boot/loader_search.h"
#include "fuzz.h"

FUZZ(text) {
  const auto end = std::min(text.find('\n'), text.size());
  vfio_switch::LoaderSigns signs;
  add_efi_variable(signs.variables, text.substr(0, end),
                   text.substr(std::min(end + 1, text.size())));
  signs.variables.boot_order.push_back(1);
  (void)vfio_switch::find_loader(signs);
  const auto menu = read_firmware_menu(signs.variables, vfio_switch::no_sources());
  vfio_switch::fuzz::expect(menu.default_entry || menu.why_no_default,
                            "a default, or why there is none");
}
