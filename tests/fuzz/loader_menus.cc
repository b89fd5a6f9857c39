// SPDX-License-Identifier: GPL-3.0-or-later
// The file that Limine, extlinux or rEFInd reads, with what rEFInd reads else, and the files beside
// the kernels, behind a first line "--- FILE".
#include <cstddef>
#include <string>

#include "core/boot/extlinux_menu.h"
#include "core/boot/limine_menu.h"
#include "core/boot/refind_menu.h"
#include "fuzz.h"
#include "parts.h"

namespace {

void check(const vfio_switch::BootMenu& menu) {
  using vfio_switch::fuzz::expect;
  for (const auto& chosen : {menu.default_entry, menu.once_entry}) {
    expect(!chosen || *chosen < menu.entries.size(), "what is chosen is an entry");
  }
  expect(menu.default_entry || menu.why_no_default, "a default, or why there is none");
  std::size_t marked = 0;
  for (const auto& entry : menu.entries) marked += entry.is_default ? 1U : 0U;
  expect(marked == (menu.default_entry ? 1U : 0U), "the default alone is marked");
  for (const auto& note : menu.notes) (void)describe(note);
}

}  // namespace

FUZZ(text) {
  using vfio_switch::SourceText;
  const auto parts = vfio_switch::fuzz::parts_of(text);
  const auto found = parts.find("");
  const auto config = found == parts.end() ? std::string() : found->second;
  check(vfio_switch::read_extlinux_menu("/boot/extlinux/extlinux.conf", config));
  for (const auto* platform : {"uefi", "bios"}) {
    vfio_switch::LimineRequest request{"/boot/limine.conf", config, {}};
    request.platform = platform;
    check(vfio_switch::read_limine_menu(request));
  }
  vfio_switch::RefindRequest request{"/efi/EFI/refind/refind.conf", config, {}, {}, {}};
  request.variables.is_efi = true;
  request.unseen.reset();
  request.read = [&](const std::string& path) {
    const auto part = parts.find(path.substr(path.rfind('/') + 1));
    return part == parts.end() ? SourceText() : SourceText::of(part->second, path);
  };
  vfio_switch::RefindDirectory directory{"/efi", "", {}, true};
  for (const auto& [name, content] : parts) {
    if (name == "PreviousBoot") request.variables.refind_last = content;
    if (name.empty() || name.ends_with(".conf")) continue;
    directory.files.push_back({name, static_cast<std::int64_t>(content.size())});
  }
  request.directories = {directory, {"/efi/EFI/Linux", "EFI/Linux", directory.files, true}};
  check(vfio_switch::read_refind_menu(request));
}
