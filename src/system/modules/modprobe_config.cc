// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/modprobe_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace vfio_switch {

namespace {

constexpr std::string_view why_by_chance =
    "whether modprobe reads it cannot be predicted, because a broken symbolic link has the same "
    "name";

/// Reads one directory after the other.
class Reading {
 public:
  Reading(ForeignFiles& files, const ModprobeRules& rules) : files_(files), rules_(rules) {}

  void add_directory(const std::string& directory) {
    for (const auto& name : files_.names(directory)) {
      if (name.starts_with('.') || (!name.ends_with(".conf") && !name.ends_with(".alias"))) {
        continue;
      }
      add(directory + "/" + name, name);
    }
  }

  std::vector<ModprobeFile> take() { return std::move(config_); }

 private:
  void add(std::string path, const std::string& name) {
    auto file = read_foreign(files_.reader(), path);
    if (file.kind == ForeignKind::directory) return;
    if (file.kind == ForeignKind::dangling || file.kind == ForeignKind::looping) {
      if (rules_.passes_over_dangling()) return;
      file.why.clear();
      dangling_.push_back(path);
    } else if (file.kind == ForeignKind::text && hidden_by_chance(name)) {
      // libkmod asks what a dangling link leads to, and looks at an answer that it did not get.
      files_.add_unread(path, std::string(why_by_chance));
    }
    if (!file.why.empty()) files_.add_unread(path, std::move(file.why));
    config_.push_back({std::move(path), std::move(file.text), rules_});
  }

  [[nodiscard]] bool hidden_by_chance(const std::string& name) const {
    return std::ranges::any_of(dangling_,
                               [&](const auto& path) { return path.ends_with("/" + name); });
  }

  ForeignFiles& files_;
  ModprobeRules rules_;
  std::vector<ModprobeFile> config_;
  std::vector<std::string> dangling_;
};

}  // namespace

ModprobeRules read_modprobe_rules(const FileReader& files) {
  // The link that a loader follows: no file need be opened, nor a directory of thousands listed.
  constexpr std::array<std::string_view, 11> directories = {
      "/usr/lib/x86_64-linux-gnu",
      "/usr/lib64",
      "/usr/lib",
      "/lib/x86_64-linux-gnu",
      "/lib64",
      "/lib",
      "/usr/lib/aarch64-linux-gnu",
      "/usr/lib/riscv64-linux-gnu",
      "/usr/lib/powerpc64le-linux-gnu",
      "/usr/lib/loongarch64-linux-gnu",
      "/usr/lib/i386-linux-gnu",
  };
  for (const auto directory : directories) {
    const auto target = files.read_link(std::string(directory) + "/libkmod.so.2");
    if (target) return {release_of_libkmod(target->substr(target->rfind('/') + 1))};
  }
  return {};
}

std::vector<std::string> modprobe_directories(const FileReader& files, const ModprobeRules& rules) {
  std::vector<std::string> directories = {"/etc/modprobe.d", "/run/modprobe.d",
                                          "/usr/local/lib/modprobe.d"};
  // Mostly they are the same.
  if (rules.reads_usr_lib() && !files.read_link("/lib")) {
    directories.emplace_back("/usr/lib/modprobe.d");
  }
  directories.emplace_back("/lib/modprobe.d");
  return directories;
}

std::vector<ModprobeFile> read_modprobe_config(ForeignFiles& files, UnknownRelease unknown) {
  const auto rules = read_modprobe_rules(files.reader());
  Reading reading(files, rules);
  for (const auto& directory : modprobe_directories(files.reader(), rules)) {
    reading.add_directory(directory);
  }
  auto config = reading.take();
  if (unknown == UnknownRelease::makes_unread) {
    if (const auto* file = read_by_unknown_rules(config)) {
      files.add_unread(file->path, std::string(why_unknown_release));
    }
  }
  return config;
}

}  // namespace vfio_switch
