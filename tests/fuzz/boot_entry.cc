// SPDX-License-Identifier: GPL-3.0-or-later
// An entry of the Boot Loader Specification, and loader.conf behind a line "---".
#include <string>

#include "core/boot/grub_entries.h"
#include "core/boot/systemd_boot_menu.h"
#include "fuzz.h"

FUZZ(text) {
  using vfio_switch::fuzz::expect;
  const auto cut = std::min(text.find("\n---\n"), text.size());
  vfio_switch::SystemdBootFiles files;
  files.kind = [](const std::string& path) {
    return path.size() % 5 == 0 ? vfio_switch::SourceKind::unknown : vfio_switch::SourceKind::file;
  };
  files.image = [](const std::string& path) { return vfio_switch::UnifiedFile{path, {}}; };
  files.settings = vfio_switch::EntryFile{"/efi/loader/loader.conf", std::string(text.substr(cut))};
  files.partitions.push_back({"/efi"});
  const std::string entry(text.substr(0, cut));
  for (const auto* name : {"a.conf", "a+3.conf", "b-6.1-1.conf"}) {
    files.partitions[0].entries.push_back({"/efi/loader/entries/" + std::string(name), entry});
  }
  files.variables.entry_default = std::string(text.substr(cut / 2, 8));
  const auto menu = vfio_switch::read_systemd_boot_menu(files);
  expect(menu.entries.size() <= 3, "a file is an entry");
  expect(menu.default_entry || menu.why_no_default, "a default, or why there is none");
  (void)vfio_switch::parse_grub_entry("a.conf", entry);
  const auto left = entry.substr(0, entry.size() / 2);
  const auto right = entry.substr(entry.size() / 2);
  const auto order = vfio_switch::compare_grub_entries(left, right);
  expect(order >= -1 && order <= 1, "an order is a sign");
}
