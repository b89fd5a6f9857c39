// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/boot_sources.h"
#include "core/boot/grub_environment.h"
#include "core/boot/grub_script.h"
#include "core/boot/grub_test.h"
#include "core/boot/grub_values.h"

namespace vfio_switch {

/// A menu entry or submenu as grub.cfg defines it, before its body was run.
struct GrubItem {
  std::string title;
  std::string id;
  EntrySource source;
  std::vector<GrubValues> arguments;
  const GrubScript* body = nullptr;
  bool is_submenu = false;
  bool is_uncertain = false;  ///< it stands behind a condition that was not decided
  std::optional<std::string> config = std::nullopt;  ///< a submenu that is another menu: its file
  std::optional<std::string> machine_id = std::nullopt;
  std::vector<BootUnknown> unknown = {};
};

/// What the body of an entry starts.
struct GrubStart {
  std::optional<BootFile> kernel;
  std::vector<BootFile> initrds;
  std::optional<std::string> command_line;
  std::vector<std::string> possible_words;
  std::optional<BootFile> chained;     ///< an EFI program, or another boot loader
  std::optional<std::string> config;   ///< another menu that it shows
  std::optional<std::string> command;  ///< what else it does: "fwsetup"
  std::vector<BootUnknown> unknown;
};

/// Runs GRUB's scripts as far as menus need it. A condition that only GRUB can judge is followed
/// both ways, and what comes of it can then be either.
class GrubMachine {
 public:
  GrubMachine(const BootSources& sources, std::string platform);

  /// Runs the text of a configuration file. `path` is as seen inside the root.
  void run_text(std::string_view text, const std::string& path);
  /// Runs the body of a submenu; gives its items. The state is that of the submenu afterwards.
  std::vector<GrubItem> open_submenu(const GrubItem& item, std::optional<std::string> choice);
  /// Runs the body of an entry, without effect on the state.
  GrubStart start(const GrubItem& item);

  [[nodiscard]] GrubState& state() { return state_; }
  [[nodiscard]] const GrubState& state() const { return state_; }
  [[nodiscard]] const std::vector<GrubItem>& items() const { return items_; }
  [[nodiscard]] const std::vector<BootUnknown>& notes() const { return notes_; }
  /// A statement was not understood, or something that defines items could not be read.
  [[nodiscard]] bool is_incomplete() const { return is_incomplete_; }
  [[nodiscard]] bool reads_entries() const { return reads_entries_; }

  /// The variables that a grubenv is loaded with, in place of the file's: to learn what a second
  /// boot does.
  void replace_environment(GrubEnvironment environment) { replaced_ = std::move(environment); }
  /// What grubenv files held.
  [[nodiscard]] const GrubEnvironment& environment() const { return environment_; }

 private:
  friend class GrubCommands;

  void run(const GrubScript& script, GrubTruth& status);
  GrubTruth run(const GrubScript& script);
  void run_conditional(const GrubStatement& statement, std::size_t first);
  void run_loop(const GrubStatement& statement);
  GrubTruth run_command(const GrubStatement& statement);
  GrubTruth call(const GrubScript& body, std::vector<GrubValues> arguments);
  const GrubScript& keep(GrubScript script);
  bool step();
  void note(BootUnknownCode code, std::string subject, int line);
  [[nodiscard]] bool is_uncertain() const { return uncertain_ > 0; }

  const BootSources& sources_;
  GrubState state_;
  std::vector<GrubItem> items_;
  GrubStart* start_ = nullptr;  ///< set while the body of an entry runs
  std::deque<GrubScript> scripts_;
  std::vector<BootUnknown> notes_;
  std::optional<GrubEnvironment> replaced_;
  GrubEnvironment environment_;
  std::string file_;
  int uncertain_ = 0;
  int depth_ = 0;
  std::size_t steps_ = 0;
  bool in_submenu_ = false;
  bool is_over_ = false;  ///< another menu took the place of this one
  bool is_incomplete_ = false;
  bool reads_entries_ = false;
};

/// The file that `path` is for GRUB: "(device)/path", or "/path" on the file system in `root`.
[[nodiscard]] BootFile grub_file(std::string_view path, const GrubState& state);

/// The value of `root` and of a device in parentheses that stands for `name`.
[[nodiscard]] std::string grub_device(const FileSystemName& name);

}  // namespace vfio_switch
