// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci/mounted_disks.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/boot/mount_table.h"
#include "system/files/best_effort.h"

namespace vfio_switch {

namespace {

std::string last_part(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace

MountedDisks::MountedDisks(const FileReader& files) : files_(files) {
  read_mounts();
  read_fstab();
  const auto swaps = text_of(files_, "/proc/swaps");
  for (const auto line : split_lines(swaps)) {
    const auto words = split_words(line);
    if (!words.empty() && words[0].starts_with("/dev/")) swaps_.insert(last_part(words[0]));
  }
  const std::string btrfs = "/sys/fs/btrfs/";
  for (const auto& id : names_in(files_, btrfs)) {
    for (const auto& name : names_in(files_, btrfs + id + "/devices")) btrfs_.insert(name);
  }
  const std::string zfs = "/proc/spl/kstat/zfs/";  // a directory for each pool, among files
  zfs_ = std::ranges::any_of(names_in(files_, zfs), [&](const std::string& name) {
    const auto status = files_.status(zfs + name);
    return status && *status && (*status)->kind == FileKind::directory;
  });
}

void MountedDisks::read_mounts() {
  constexpr std::size_t number_field = 2;
  const auto mountinfo = text_of(files_, "/proc/self/mountinfo");
  is_known_ = !mountinfo.empty();
  for (const auto line : split_lines(mountinfo)) {
    const auto rows = parse_mount_rows(line);  // each alone: what is covered is mounted as well
    if (rows.empty()) continue;
    const auto& row = rows.front();
    points_.emplace(split_words(line).at(number_field), row.point);
    for (const auto source : split_words(row.source, ":")) {  // bcachefs names all its disks
      if (source.starts_with("/dev/")) points_.emplace(last_part(source), row.point);
    }
  }
}

void MountedDisks::read_fstab() {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> links = {{
      {"UUID=", "/dev/disk/by-uuid/"},
      {"LABEL=", "/dev/disk/by-label/"},
      {"PARTUUID=", "/dev/disk/by-partuuid/"},
      {"PARTLABEL=", "/dev/disk/by-partlabel/"},
  }};
  for (const auto& row : parse_fstab_rows(text_of(files_, "/etc/fstab"))) {
    auto path = row.source;
    for (const auto& [tag, directory] : links) {
      if (row.source.starts_with(tag)) {
        path = std::string(directory) + row.source.substr(tag.size());
      }
    }
    if (!path.starts_with("/dev/")) continue;
    listed_.emplace(last_part(files_.read_link(path).value_or(path)), row.point);
  }
}

std::optional<HostUse> MountedDisks::use_of(const std::string& name) const {
  using enum HostUse::Kind;
  const auto number = std::string(trim(text_of(files_, "/sys/class/block/" + name + "/dev")));
  for (const auto& key : {number, name}) {
    const auto point = points_.find(key);
    if (point != points_.end()) return HostUse{mounted, name, point->second};
  }
  if (const auto row = listed_.find(name); row != listed_.end()) {
    return HostUse{listed, name, row->second};
  }
  if (swaps_.contains(name)) return HostUse{swap, name};
  if (const auto holder = holder_of(name); !holder.empty()) return HostUse{assembled, name, holder};
  if (btrfs_.contains(name)) return HostUse{assembled, name, "btrfs"};
  if (!is_known_) return HostUse{unknown, name};
  return use_by_zfs(name, number);
}

std::string MountedDisks::holder_of(const std::string& name) const {
  const auto holders = names_in(files_, "/sys/class/block/" + name + "/holders");
  if (holders.empty()) return {};
  const auto mapped = text_of(files_, "/sys/class/block/" + holders.front() + "/dm/name");
  return mapped.empty() ? holders.front() : std::string(trim(mapped));
}

std::optional<HostUse> MountedDisks::use_by_zfs(const std::string& name,
                                                const std::string& number) const {
  using enum HostUse::Kind;
  if (!zfs_) return std::nullopt;
  // ZFS leaves no link at the disks that it has. What udev found on a disk tells.
  const auto record = text_of(files_, "/run/udev/data/b" + number);
  if (record.empty()) return HostUse{unknown, name};
  const auto lines = split_lines(record);
  const bool member = std::ranges::find(lines, "E:ID_FS_TYPE=zfs_member") != lines.end();
  return member ? std::optional(HostUse{assembled, name, "ZFS"}) : std::nullopt;
}

}  // namespace vfio_switch
