// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/cards/intent.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

inline const std::string state_directory = "/var/lib/vfio-switch";
inline const std::string state_path = state_directory + "/state.json";
/// What pre-remove leaves for a package whose scriptlets build the images when the program is gone:
/// a release and a path a line.
inline const std::string images_path = state_directory + "/images";

/// An administrator's no: what an installation would set up by itself, it does not. Made by disable
/// and rollback, removed by enable; it outlasts the package, but not its purge.
inline const std::string declined_path = state_directory + "/declined";
/// What the hooks of initramfs tools have to know, as `key=value` lines that a shell can read:
/// `intent=enabled`, and `binding=address` or `binding=ids`. It follows state.json; without it
/// nothing is put into an image.
inline const std::string hook_facts_path = state_directory + "/for-hooks";

/// What pre-remove could not put out of effect, "live PATH" a line; empty where it could.
inline const std::string removal_path = state_directory + "/removal";
/// True for what is only remembered at `path`: no part of what the machine was before.
[[nodiscard]] inline bool is_remembered(std::string_view path) {
  return path == state_path || path == declined_path || path == hook_facts_path ||
         path == removal_path;
}

/// What a run of root's proved of the boot menu: see MenuRecord.
inline const std::string menu_record_path = state_directory + "/boot-menu.json";

/// There while images have to be built that the files have already changed for.
inline const std::string images_owed_path = state_directory + "/images-owed";

/// What an earlier run remembered; Intent::unset where there is no state.json. An Error where
/// the file is damaged, or of a newer version.
[[nodiscard]] Result<State> load_state(const FileReader& files);

/// What can be told of state.json, in whatever state it is: for the way out.
struct SalvagedState {
  bool exists = false;
  /// `enabled` if the file does not say: the safe assumption when disabling.
  Intent intent = Intent::unset;
  std::vector<std::string> boot_parameters;
  std::string problem;  ///< why load_state() could not read it; empty where it can
};
[[nodiscard]] SalvagedState salvage_state(const FileReader& files);

/// `text`, of state.json, with the intent disabled and every other byte as it was; nothing where it
/// says no intent.
[[nodiscard]] std::optional<std::string> with_intent_disabled(const std::string& text);

/// The content of state.json for `state`.
[[nodiscard]] std::string render_state(const State& state);

/// The content of the file at hook_facts_path. `override_file` is that of override_path; empty
/// where there is none.
[[nodiscard]] std::string render_hook_facts(Intent intent, std::string_view override_file);

}  // namespace vfio_switch
