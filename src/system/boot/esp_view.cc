// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/esp_view.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <expected>

#include "core/base/text.h"
#include "system/files/best_effort.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

namespace {

// The C library has functions for these from version 2.36 on.
int fs_open(const char* type) {
  return static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

int fs_config(int fd, fsconfig_command command, const char* key, const char* value) {
  return static_cast<int>(::syscall(SYS_fsconfig, fd, command, key, value, 0));
}

int fs_mount(int fd, unsigned attributes) {
  return static_cast<int>(::syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, attributes));
}

/// Whether the file system itself is made read-only, or this view of it alone.
enum class ReadOnly { file_system, view };

/// A mount, or errno.
std::expected<UniqueFd, int> mounted(const std::string& device, ReadOnly kind) {
  const UniqueFd context(fs_open("vfat"));
  const auto configure = [&](fsconfig_command command, const char* key, const char* value) {
    return fs_config(context.get(), command, key, value) == 0;
  };
  if (!context || !configure(FSCONFIG_SET_STRING, "source", device.c_str()) ||
      (kind == ReadOnly::file_system && !configure(FSCONFIG_SET_FLAG, "ro", nullptr)) ||
      !configure(FSCONFIG_CMD_CREATE, nullptr, nullptr)) {
    return std::unexpected(errno);
  }
  UniqueFd fd(fs_mount(
      context.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!fd) return std::unexpected(errno);
  return fd;
}

std::expected<UniqueFd, int> mounted(const std::string& device) {
  auto fd = mounted(device, ReadOnly::file_system);
  // Somebody has it mounted for writing.
  if (!fd && fd.error() == EBUSY) fd = mounted(device, ReadOnly::view);
  return fd;
}

}  // namespace

EspView::EspView(const FileReader& files) : files_(files) {
  if (!files.is_running_system() || ::geteuid() != 0) return;
  const auto uuids = text_of(files, "/etc/kernel/proxmox-boot-uuids");
  for (const auto word : split_words(uuids, " \t\n")) {
    const std::string uuid(word);
    if (uuid.contains('/')) continue;
    auto mount = mounted("/dev/disk/by-uuid/" + uuid);
    if (!mount) continue;
    auto reader = open_reader("/proc/self/fd/" + std::to_string(mount->get()));
    if (!reader) continue;
    esps_.push_back({"/run/vfio-switch/esp/" + uuid, std::move(*mount), std::move(*reader)});
  }
}

std::pair<const FileReader&, std::string> EspView::place_of(const std::string& path) const {
  for (const auto& esp : esps_) {
    if (path == esp.point) return {*esp.files, "/"};
    if (path.starts_with(esp.point + "/")) return {*esp.files, path.substr(esp.point.size())};
  }
  return {files_, path};
}

Result<std::optional<std::string>> EspView::read(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.read(below);
}

Result<std::vector<std::string>> EspView::list(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.list(below);
}

Result<std::optional<FileStatus>> EspView::status(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.status(below);
}

std::optional<std::string> EspView::read_link(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.read_link(below);
}

Result<std::optional<UniqueFd>> EspView::open_file(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.open_file(below);
}

Result<std::optional<UniqueFd>> EspView::open_directory(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.open_directory(below);
}

Result<FileState> EspView::state(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.state(below);
}

bool EspView::exists(const std::string& path) const {
  const auto [files, below] = place_of(path);
  return files.exists(below);
}

std::vector<std::string> EspView::own_mounts() const {
  std::vector<std::string> points;
  for (const auto& esp : esps_) points.push_back(esp.point);
  return points;
}

}  // namespace vfio_switch
