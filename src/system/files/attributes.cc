// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/attributes.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vfio_switch {

namespace {

/// Asks for the size, then for the bytes, and repeats this if they have grown in between.
template <class Ask>
std::string sized(const Ask& ask) {
  for (;;) {
    const auto size = ask(nullptr, 0);
    if (size <= 0) return {};
    std::string bytes(static_cast<std::size_t>(size), '\0');
    const auto length = ask(bytes.data(), bytes.size());
    if (length < 0 && errno == ERANGE) continue;
    bytes.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    return bytes;
  }
}

}  // namespace

std::map<std::string, std::string> read_attributes(int fd) {
  std::map<std::string, std::string> attributes;
  const auto names =
      sized([&](char* bytes, std::size_t size) { return ::flistxattr(fd, bytes, size); });
  for (std::size_t at = 0; at < names.size(); at += std::strlen(&names[at]) + 1) {
    const std::string name(&names[at]);
    if (name == "security.ima" || name == "security.evm") continue;
    attributes[name] = sized(
        [&](char* bytes, std::size_t size) { return ::fgetxattr(fd, name.c_str(), bytes, size); });
  }
  return attributes;
}

bool write_attributes(int fd, const std::map<std::string, std::string>& attributes) {
  return std::ranges::all_of(attributes, [fd](const auto& attribute) {
    const auto& [name, value] = attribute;
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) return true;
    const bool not_allowed = (errno == EPERM || errno == EACCES) && ::geteuid() != 0;
    return errno == ENOTSUP || not_allowed;
  });
}

}  // namespace vfio_switch
