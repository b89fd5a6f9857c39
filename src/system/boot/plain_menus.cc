// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/plain_menus.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/extlinux_menu.h"
#include "core/boot/limine_menu.h"

namespace vfio_switch {

namespace {

bool is_yes(std::string_view settings, std::string_view key) {
  return std::ranges::any_of(split_lines(settings), [&](std::string_view line) {
    line = without_comment(trim(line));
    return line.starts_with(key) && line.substr(key.size()).find("yes") != std::string_view::npos;
  });
}

}  // namespace

BootMenu unread_menu(LoaderKind loader, BootUnknown why) {
  BootMenu menu;
  menu.loader = loader;
  menu.why_no_default = why;
  menu.notes.push_back(std::move(why));
  return menu;
}

BootMenu read_limine_files(const BootFiles& files, const BootPlaces& places,
                           const LoaderSigns& signs) {
  const auto path = find_limine_config(files, places);
  const auto text = files.text(path);
  if (text.state == SourceText::State::unknown) return unread_menu(LoaderKind::limine, text.why);
  // limine.cfg is how versions before 8 had it, in another syntax.
  if (!path.ends_with(".conf")) {
    return unread_menu(LoaderKind::limine, {BootUnknownCode::loader, "Limine before version 8"});
  }
  LimineRequest request{path, text.text, signs.variables};
  if (signs.is_efi == false) request.platform = "bios";
  auto menu = read_limine_menu(request);
  // With the checksum of limine.conf in its program Limine has no editor.
  const auto settings = files.text("/etc/default/limine").text;
  if (is_yes(settings, "ENABLE_ENROLL_LIMINE_CONFIG=")) menu.editor = MenuEditor::locked;
  return menu;
}

BootMenu read_extlinux_files(const BootFiles& files, const BootPlaces& places) {
  const auto path = find_extlinux_config(files, places);
  const auto text = files.text(path);
  if (text.state != SourceText::State::present) return unread_menu(LoaderKind::extlinux, text.why);
  return read_extlinux_menu(path, text.text);
}

}  // namespace vfio_switch
