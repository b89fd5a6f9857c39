// SPDX-License-Identifier: GPL-3.0-or-later
// grub.cfg, with a grubenv and boot entries behind a first line "--- FILE".
#include "core/boot/grub_menu.h"

#include <string>

#include "fuzz.h"
#include "parts.h"

namespace {

using vfio_switch::BootFile;
using vfio_switch::SourceKind;
using vfio_switch::SourceText;

}  // namespace

FUZZ(text) {
  using vfio_switch::fuzz::expect;
  const auto parts = vfio_switch::fuzz::parts_of(text);
  const auto name_of = [](const BootFile& file) {
    return file.path.substr(file.path.rfind('/') + 1);
  };
  vfio_switch::BootSources sources;
  sources.read = [&](const BootFile& file) {
    const auto found = parts.find(name_of(file));
    return found == parts.end() ? SourceText() : SourceText::of(found->second, file.path);
  };
  sources.list = [&](const BootFile& file) {
    vfio_switch::SourceNames names;
    if (name_of(file) != "entries") return names;
    names.state = SourceText::State::present;
    for (const auto& [name, content] : parts) names.names.push_back(name);
    return names;
  };
  sources.kind = [&](const BootFile& file) {
    return parts.contains(name_of(file)) ? SourceKind::file : SourceKind::absent;
  };
  const auto config = parts.find("");
  const auto script = config == parts.end() ? std::string() : config->second;
  for (const auto variant :
       {vfio_switch::GrubVariant::upstream, vfio_switch::GrubVariant::fedora}) {
    const auto menu =
        vfio_switch::read_grub_menu({"/boot/grub/grub.cfg", script, "", variant}, sources);
    for (const auto& chosen : {menu.default_entry, menu.once_entry}) {
      expect(!chosen || *chosen < menu.entries.size(), "what is chosen is an entry");
    }
    expect(menu.default_entry || menu.why_no_default, "a default, or why there is none");
    for (const auto& note : menu.notes) (void)describe(note);
  }
}
