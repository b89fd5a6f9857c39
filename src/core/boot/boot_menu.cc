// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/boot_menu.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

bool holds(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const auto same = [&](char a, char b) { return lower(a) == lower(b); };
  return std::ranges::search(text, part, same).begin() != text.end();
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool any_file(const BootEntry& entry, std::string_view part) {
  return (entry.kernel && holds(base_name(entry.kernel->path), part)) ||
         (entry.unified_image && holds(base_name(entry.unified_image->path), part)) ||
         std::ranges::any_of(entry.initrds, [&](const BootFile& file) {
           return holds(base_name(file.path), part);
         });
}

bool is_snapshot(const BootEntry& entry) {
  const auto in_history = [](const BootFile& file) { return holds(file.path, "limine_history"); };
  return entry.id.find("gnulinux-snapshots-") != std::string::npos ||
         // openSUSE: with GRUB and with systemd-boot.
         entry.id.starts_with("snapper-") || entry.title.starts_with("Snapper: ") ||
         std::ranges::any_of(entry.submenus,
                             [](const std::string& title) { return holds(title, "snapshot"); }) ||
         (entry.kernel && in_history(*entry.kernel)) ||
         (entry.unified_image && in_history(*entry.unified_image));
}

bool has_word(const BootEntry& entry, std::initializer_list<std::string_view> words) {
  const auto present = split_words(entry.command_line ? *entry.command_line : std::string_view());
  return std::ranges::any_of(present, [&](std::string_view word) {
    return std::ranges::find(words, word) != words.end();
  });
}

bool is_rescue(const BootEntry& entry) {
  return holds(entry.id, "rescue") || holds(entry.title, "rescue") ||
         entry.id.find("-recovery-") != std::string::npos ||
         holds(entry.title, "(recovery mode)") || any_file(entry, "rescue") ||
         has_word(entry, {"single", "recovery", "emergency", "systemd.unit=rescue.target",
                          "systemd.unit=emergency.target"});
}

/// The part of an id behind the submenus that it stands in.
std::string_view own_id(const BootEntry& entry) {
  const std::string_view id = entry.id;
  return entry.submenus.empty() ? id : id.substr(id.rfind('>') + 1);
}

bool is_foreign(const BootEntry& entry) {
  const auto id = own_id(entry);
  if (id.starts_with("osprober-") || id.starts_with("auto-") || id == "uefi-firmware") return true;
  if (any_file(entry, "memtest")) return true;
  // A live system: Pop!_OS has one on its recovery partition.
  if (has_word(entry, {"boot=casper", "boot=live"})) return true;
  // An entry that says nothing at all about what it starts may still be one of this system's.
  return !entry.kernel && !entry.unified_image && entry.unknown.empty();
}

}  // namespace

std::string_view to_string(BootUnknownCode code) {
  switch (code) {
    case BootUnknownCode::unreadable:
      return "unreadable";
    case BootUnknownCode::odd_file:
      return "odd-file";
    case BootUnknownCode::missing:
      return "missing";
    case BootUnknownCode::file_system:
      return "file-system";
    case BootUnknownCode::malformed:
      return "malformed";
    case BootUnknownCode::condition:
      return "condition";
    case BootUnknownCode::variable:
      return "variable";
    case BootUnknownCode::command:
      return "command";
    case BootUnknownCode::limit:
      return "limit";
    case BootUnknownCode::loader:
      return "loader";
    case BootUnknownCode::several:
      return "several";
    case BootUnknownCode::release:
      return "release";
    case BootUnknownCode::directory:
      return "directory";
    case BootUnknownCode::staged:
      return "staged";
    case BootUnknownCode::kexec:
      return "kexec";
    case BootUnknownCode::load_kexec:
      return "load-kexec";
    case BootUnknownCode::hibernated:
      return "hibernated";
  }
  return "";
}

namespace {

std::string describe_alone(BootUnknownCode code, const std::string& subject) {
  switch (code) {
    case BootUnknownCode::unreadable:
      return subject + " cannot be read";
    case BootUnknownCode::odd_file:
      return subject + " is not a regular file, or is too large";
    case BootUnknownCode::missing:
      return subject.empty() ? "the boot menu has no entry" : subject + " does not exist";
    case BootUnknownCode::file_system:
      return subject.empty() ? "the file system is not known"
                             : "the file system " + subject + " is not known or not mounted";
    case BootUnknownCode::malformed:
      return "'" + subject + "' cannot be understood";
    case BootUnknownCode::condition:
      return "the condition '" + subject + "' can only be judged by the boot loader";
    case BootUnknownCode::variable:
      return "the value of the variable '" + subject + "' is not known";
    case BootUnknownCode::command:
      return "the command '" + subject + "' is not known";
    case BootUnknownCode::limit:
      return "only a part of " + subject + " was read, because it is too long";
    case BootUnknownCode::loader:
      return "the boot menu of " + subject + " cannot be read";
    case BootUnknownCode::several:
      return subject + " are set up, and which of them starts this system is not known";
    case BootUnknownCode::release:
      return subject + " does not say which kernel release it is";
    case BootUnknownCode::directory:
      return "the default '" + subject + "' is a submenu, so the boot menu waits for a choice";
    case BootUnknownCode::staged:
      return "a deployment is staged (" + subject +
             "), and the boot menu changes when the system shuts down";
    case BootUnknownCode::kexec:
      return "a kernel is loaded by kexec (" + subject +
             "), and a reboot starts it without the boot menu";
    case BootUnknownCode::load_kexec:
      return "with '" + subject +
             "' a reboot loads a kernel with kexec, and starts it without the boot menu";
    case BootUnknownCode::hibernated:
      return "the EFI variable " + subject +
             " names a hibernated system, which the next boot resumes";
  }
  return subject;
}

}  // namespace

std::string describe(const BootUnknown& unknown) {
  auto text = describe_alone(unknown.code, printable(unknown.subject));
  if (unknown.file.empty()) return text;
  const auto line = unknown.line > 0 ? ":" + std::to_string(unknown.line) : std::string();
  return printable(unknown.file) + line + ": " + text;
}

std::string_view to_string(EntryKind kind) {
  switch (kind) {
    case EntryKind::usual:
      return "usual";
    case EntryKind::fallback:
      return "fallback";
    case EntryKind::rescue:
      return "rescue";
    case EntryKind::snapshot:
      return "snapshot";
    case EntryKind::foreign:
      return "foreign";
  }
  return "";
}

std::string_view to_string(LoaderKind kind) {
  switch (kind) {
    case LoaderKind::unknown:
      return "an unknown boot loader";
    case LoaderKind::grub:
      return "GRUB";
    case LoaderKind::systemd_boot:
      return "systemd-boot";
    case LoaderKind::unified_image:
      return "a unified kernel image";
    case LoaderKind::efi_stub:
      return "the kernel's EFI stub";
    case LoaderKind::limine:
      return "Limine";
    case LoaderKind::refind:
      return "rEFInd";
    case LoaderKind::extlinux:
      return "extlinux";
    case LoaderKind::zfsbootmenu:
      return "ZFSBootMenu";
    case LoaderKind::android_boot:
      return "Android's boot image";
  }
  return "";
}

std::optional<std::size_t> next_entry(const BootMenu& menu) {
  if (menu.why_no_once) return std::nullopt;
  return menu.once_entry ? menu.once_entry : menu.default_entry;
}

std::optional<BootUnknown> why_not_known(const BootMenu& menu) {
  if (menu.why_no_once) return menu.why_no_once;
  if (next_entry(menu)) return std::nullopt;
  if (menu.why_no_default) return menu.why_no_default;
  if (!menu.notes.empty()) return menu.notes.front();
  return BootUnknown{BootUnknownCode::loader, std::string(to_string(menu.loader))};
}

void mark_default(BootMenu& menu, std::size_t index) {
  menu.default_entry = index;
  menu.entries[index].is_default = true;
}

void mark_once(BootMenu& menu, std::size_t index) {
  menu.once_entry = index;
  menu.entries[index].is_once = true;
}

EntryKind kind_of(const BootEntry& entry) {
  if (is_foreign(entry)) return EntryKind::foreign;
  if (is_snapshot(entry)) return EntryKind::snapshot;
  if (is_rescue(entry)) return EntryKind::rescue;
  const bool fallback = holds(own_id(entry), "fallback") || holds(entry.title, "fallback") ||
                        any_file(entry, "fallback");
  return fallback ? EntryKind::fallback : EntryKind::usual;
}

}  // namespace vfio_switch
