// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

namespace vfio_switch {

/// The extended attributes of an open file that go with it when it is replaced: the SELinux label,
/// access lists, and what others noted. Not security.ima and security.evm, which seal one content
/// and which the kernel creates again. Empty where the file system has none.
[[nodiscard]] std::map<std::string, std::string> read_attributes(int fd);

/// Gives an open file these attributes. False, with errno, where one cannot be given; what the file
/// system cannot hold, or an ordinary user may not set, is left out.
[[nodiscard]] bool write_attributes(int fd, const std::map<std::string, std::string>& attributes);

}  // namespace vfio_switch
