// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/secure_boot.h"

namespace vfio_switch {

bool is_secure_boot(const FileReader& files) {
  const auto variable =
      files.read("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
  // Four bytes of attributes, then the value.
  constexpr std::size_t value = 4;
  return variable && *variable && (*variable)->size() > value && (**variable)[value] == 1;
}

bool is_command_line_locked(const FileReader& files) {
  return is_secure_boot(files) &&
         files.exists("/sys/firmware/efi/efivars/StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
}

}  // namespace vfio_switch
