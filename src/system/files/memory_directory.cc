// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/memory_directory.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace vfio_switch {

namespace {

UniqueFd detached_tmpfs() {
  const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context) return {};
  if (::fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0700", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return {};
  }
  const UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID));
  if (!mount) return {};
  // That of fsmount(2) is an O_PATH descriptor.
  return UniqueFd(::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool write_text(const char* path, std::string_view text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == std::ssize(text);
}

/// One message with a descriptor, and the room that it takes (cmsg(3)).
struct Parcel {
  Parcel() {
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
  }
  char byte = 0;
  iovec bytes{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
};

void send_descriptor(int socket, int fd) {
  Parcel parcel;
  auto* header = CMSG_FIRSTHDR(&parcel.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  (void)::sendmsg(socket, &parcel.message, MSG_NOSIGNAL);
}

UniqueFd receive_descriptor(int socket) {
  Parcel parcel;
  if (::recvmsg(socket, &parcel.message, MSG_CMSG_CLOEXEC) <= 0) return {};
  const auto* header = CMSG_FIRSTHDR(&parcel.message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

/// The child's part: a user namespace in which this user is root, and a tmpfs of it.
void give_tmpfs(int socket, uid_t uid, gid_t gid) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return;
  const auto uids = std::to_string(uid) + " " + std::to_string(uid) + " 1";
  const auto gids = std::to_string(gid) + " " + std::to_string(gid) + " 1";
  if (!write_text("/proc/self/uid_map", uids) || !write_text("/proc/self/setgroups", "deny") ||
      !write_text("/proc/self/gid_map", gids)) {
    return;
  }
  if (const auto fd = detached_tmpfs()) send_descriptor(socket, fd.get());
}

UniqueFd tmpfs_of_user_namespace() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return {};
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  const auto uid = ::geteuid();
  const auto gid = ::getegid();
  const auto child = ::fork();
  if (child < 0) return {};
  if (child == 0) {
    give_tmpfs(theirs.get(), uid, gid);
    ::_exit(0);
  }
  theirs = UniqueFd();
  auto fd = receive_descriptor(ours.get());
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return fd;
}

}  // namespace

Result<UniqueFd> make_memory_directory() {
  auto fd = detached_tmpfs();
  if (!fd) fd = tmpfs_of_user_namespace();
  if (fd) return fd;
  return fail(ErrorKind::permission, "only root can unpack an image in memory on this system",
              "Run it as root.");
}

std::unexpected<Error> memory_error(int code) {
  return fail(std::string("cannot unpack an image in memory: ") + std::strerror(code));
}

}  // namespace vfio_switch
