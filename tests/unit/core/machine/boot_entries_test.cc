// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/boot_entries.h"

#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

namespace {

const std::string release = "6.1.0-56-amd64";

BootMenu menu() {
  BootMenu menu;
  for (const auto* id : {"host", "usual", "other"}) {
    BootEntry entry;
    entry.id = id;
    entry.release = release;
    menu.entries.push_back(std::move(entry));
  }
  mark_default(menu, 1);
  return menu;
}

std::string first(const BootMenu& menu) {
  return usual_entries(menu, release).front()->id;
}

}  // namespace

TEST_CASE("The entry that starts next comes first, and else the default one") {
  auto changed = menu();
  CHECK(first(changed) == "usual");
  mark_once(changed, 2);
  CHECK(first(changed) == "other");
  changed.why_no_once = BootUnknown{BootUnknownCode::kexec, "/sys/kernel/kexec_loaded"};
  CHECK(first(changed) == "usual");
  changed.default_entry.reset();
  CHECK(first(changed) == "host");
}

}  // namespace vfio_switch
