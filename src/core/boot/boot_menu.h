// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// How a boot loader, or a file that it reads, says which file system a path begins at.
enum class FileSystemBy {
  holder,          ///< the one that holds the file in which the path stands
  uuid,            ///< its UUID, or what FAT has for one: "A1B2-C3D4"
  partition_uuid,  ///< the partition's GUID in a GPT
  label,
  marker_file,  ///< the first one that holds this file
  device,       ///< a name that is the loader's own, "hd0,gpt2": no other program can follow it
  inside_root,  ///< none: the path is as seen inside the root already
};

struct FileSystemName {
  FileSystemBy by = FileSystemBy::holder;
  std::string name;
  /// On btrfs the path begins at the default subvolume (openSUSE's btrfs_relative_path), not at the
  /// top of the file system.
  bool default_subvolume = false;

  bool operator==(const FileSystemName&) const = default;
};

/// A file as an entry names it.
struct BootFile {
  FileSystemName on;
  std::string path;  ///< absolute in its file system, with slashes
  /// The same file as seen inside the root. Empty until it was located, and where it cannot be.
  std::string at = {};
  /// What the loader compares its bytes with before it starts the entry, as it stands there.
  std::string checksum = {};

  bool operator==(const BootFile&) const = default;
};

/// Why something about a menu or an entry is not known. `subject` is what each says.
enum class BootUnknownCode {
  unreadable,   ///< the path of a file or directory that may not be read
  odd_file,     ///< the path of what is no regular file, or too large
  missing,      ///< the path of a file that an entry names, and that is not there
  file_system,  ///< a file system that is not mounted, or not told apart from others
  malformed,    ///< what the loader's own reader stumbles over
  condition,    ///< a condition that only the loader can judge
  variable,     ///< the name of a variable whose value is not known
  command,      ///< a command that was not carried out
  limit,        ///< a limit that was reached: more follows that was not read
  loader,       ///< the name of a boot loader whose menu is not read
  several,      ///< the names of several boot loaders, of which any can be the one
  release,      ///< the path of a kernel that does not tell its release
  directory,    ///< the directory of a menu that is its default: the menu waits
  staged,       ///< the file of a deployment that becomes an entry when the system shuts down
  kexec,        ///< the file in which the kernel says that a reboot starts one that is loaded
  load_kexec,   ///< the setting by which each reboot loads a kernel and starts it
  hibernated,   ///< the EFI variable that names a system to be resumed
};

struct BootUnknown {
  BootUnknownCode code = BootUnknownCode::malformed;
  std::string subject = {};
  std::string file = {};  ///< where that stands; may be empty
  int line = 0;           ///< from 1; 0: none

  bool operator==(const BootUnknown&) const = default;
};

/// "unreadable", as JSON has it.
[[nodiscard]] std::string_view to_string(BootUnknownCode code);

/// For people: "/boot/loader/entries cannot be read".
[[nodiscard]] std::string describe(const BootUnknown& unknown);

enum class EntryKind {
  usual,
  fallback,  ///< the same kernel with another, fuller image
  rescue,    ///< for repairs: rescue, recovery, single-user mode
  snapshot,  ///< an earlier state of this system
  foreign,   ///< another system, a memory test, the firmware's setup
};

[[nodiscard]] std::string_view to_string(EntryKind kind);

/// Where an entry stands: `file` as seen inside the root.
struct EntrySource {
  std::string file;
  int line = 0;  ///< from 1; 0: the file as a whole

  bool operator==(const EntrySource&) const = default;
};

struct BootEntry {
  /// The loader's own id. In a submenu of GRUB the ids on the way to it, joined by '>', as
  /// `grub-reboot` takes them.
  std::string id;
  std::string title;
  std::vector<std::string> submenus = {};  ///< the titles of those that it stands in
  EntryKind kind = EntryKind::usual;
  bool is_default = false;
  bool is_once = false;  ///< chosen for the next boot alone
  EntrySource source = {};
  std::optional<BootFile> kernel = std::nullopt;
  std::vector<BootFile> initrds = {};  ///< in the order in which the kernel unpacks them
  std::optional<BootFile> unified_image = std::nullopt;
  std::optional<unsigned> profile = std::nullopt;  ///< of the unified image; nothing: it has none
  /// Without what the loader itself adds (BOOT_IMAGE=, initrd=).
  std::optional<std::string> command_line = std::nullopt;
  /// Words that may be in the command line or not, after a condition that only the loader judges.
  std::vector<std::string> possible_words = {};
  std::optional<std::string> release = std::nullopt;  ///< from the kernel image itself
  /// The machine-id that the entry belongs to, where it says so.
  std::optional<std::string> machine_id = std::nullopt;
  std::optional<unsigned> tries_left = std::nullopt;  ///< of a boot counter
  std::vector<BootUnknown> unknown = {};

  bool operator==(const BootEntry&) const = default;
};

/// What reads the menu at boot.
enum class LoaderKind {
  unknown,
  grub,
  systemd_boot,
  unified_image,  ///< the firmware starts a unified image itself
  efi_stub,       ///< the firmware starts a kernel itself
  limine,
  refind,
  extlinux,
  zfsbootmenu,
  android_boot,  ///< a signed image in a partition; entries are copies for people
};

/// "GRUB", as people call it.
[[nodiscard]] std::string_view to_string(LoaderKind kind);

/// How the menu comes up.
enum class MenuStyle {
  unknown,
  shown,      ///< for the timeout
  countdown,  ///< a key brings it up
  hidden,     ///< a key brings it up, and nothing says so
  disabled,   ///< no key brings it up
};

/// Whether people can change a command line in the menu.
enum class MenuEditor { unknown, open, locked };

struct BootMenu {
  LoaderKind loader = LoaderKind::unknown;
  std::vector<BootEntry> entries = {};  ///< in the order in which the loader shows them
  /// What boots when nobody touches a key. Nothing: not known, and `why_no_default` says why.
  std::optional<std::size_t> default_entry = std::nullopt;
  std::optional<BootUnknown> why_no_default = std::nullopt;
  /// What boots next time instead, and never again.
  std::optional<std::size_t> once_entry = std::nullopt;
  /// Set where something was chosen for the next boot and it is not known what, or where the next
  /// boot does not go by the menu.
  std::optional<BootUnknown> why_no_once = std::nullopt;
  std::optional<int> timeout = std::nullopt;  ///< in seconds; nothing: the menu waits
  MenuStyle style = MenuStyle::unknown;
  MenuEditor editor = MenuEditor::unknown;
  std::vector<BootUnknown> notes = {};  ///< what of it could not be read

  bool operator==(const BootMenu&) const = default;
};

/// The entry that the next boot starts: the one-shot choice, else the default. Nothing: not known.
[[nodiscard]] std::optional<std::size_t> next_entry(const BootMenu& menu);

/// Why next_entry() has nothing to say; nothing where it has.
[[nodiscard]] std::optional<BootUnknown> why_not_known(const BootMenu& menu);

/// Sets `default_entry` and `once_entry` and the marks of the entries.
void mark_default(BootMenu& menu, std::size_t index);
void mark_once(BootMenu& menu, std::size_t index);

/// The kind of an entry, by its id, titles, files and command line. It does not know whether a file
/// system belongs to another system.
[[nodiscard]] EntryKind kind_of(const BootEntry& entry);

}  // namespace vfio_switch
