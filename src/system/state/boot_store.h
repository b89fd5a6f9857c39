// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/plan/boot_check.h"
#include "system/files/file_reader.h"
#include "system/state/state_store.h"

namespace vfio_switch {

/// What the last boot check found.
inline const std::string boot_record_path = state_directory + "/boot-check.json";
/// How many boots were begun since the last one that reached the login target.
inline const std::string boot_count_path = state_directory + "/boots";
/// Whether the automatic setup has had its one chance: "done", or "pending: WHERE" where the
/// package was installed into a system that was not running; "reported: WHERE" once a boot check
/// said so.
inline const std::string set_up_path = state_directory + "/set-up";
/// The text that pam_motd(8) shows at logins until the next boot.
inline const std::string motd_directory = "/run/motd.d";
inline const std::string motd_path = motd_directory + "/vfio-switch";

/// The number of boots that began, and the ID of the last one.
struct BootCount {
  unsigned begun = 0;
  std::string boot_id;

  /// Those before the boot `now`, in a row, that did not reach the login target.
  [[nodiscard]] unsigned failed_before(const std::string& now) const {
    return begun - (begun > 0 && boot_id == now ? 1 : 0);
  }
};

/// The random id of the running boot; empty where it is not known.
[[nodiscard]] Result<std::string> read_boot_id(const FileReader& files);

/// Nothing is counted where the file is missing or damaged.
[[nodiscard]] BootCount load_boot_count(const FileReader& files);
[[nodiscard]] std::string render_boot_count(const BootCount& count);

/// Nothing if there is none, or if it cannot be parsed: the next check writes a new one.
[[nodiscard]] std::optional<BootRecord> load_boot_record(const FileReader& files);
[[nodiscard]] std::string render_boot_record(const BootRecord& record);

/// Of a setup that was put off: any, or only one that no boot check has reported yet.
enum class PendingSetUp { any, not_told };

/// Where the package was installed, if the automatic setup was put off there.
[[nodiscard]] std::optional<ReasonCause> pending_set_up(const FileReader& files,
                                                        PendingSetUp which);

/// What the file says of a setup that was put off.
[[nodiscard]] std::string pending_note(ReasonCause where);
/// The same, once people were told.
[[nodiscard]] std::string reported_note(ReasonCause where);

}  // namespace vfio_switch
