// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// What `devices` needs: the PCI functions and the IOMMU; no profile is needed for these. Files
/// that cannot be read are recorded and skipped.
[[nodiscard]] Result<SystemFacts> probe_devices(const FileReader& files);

/// Everything that planning may know: the only assembler of SystemFacts.
[[nodiscard]] Result<SystemFacts> probe(const FileReader& files, const Profile& profile);

/// os-release of this root.
[[nodiscard]] OsRelease read_os_release(ForeignFiles& files);

}  // namespace vfio_switch
