// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/profile.h"

#include <algorithm>
#include <array>

#include "core/base/key_value.h"
#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::array generators = {
    InitramfsGenerator::limine_mkinitcpio,
    InitramfsGenerator::mkinitcpio,
    InitramfsGenerator::update_initramfs,
    InitramfsGenerator::dracut,
};

}  // namespace

std::string_view to_string(InitramfsGenerator generator) {
  switch (generator) {
    case InitramfsGenerator::limine_mkinitcpio:
      return "limine-mkinitcpio";
    case InitramfsGenerator::mkinitcpio:
      return "mkinitcpio";
    case InitramfsGenerator::update_initramfs:
      return "update-initramfs";
    case InitramfsGenerator::dracut:
      return "dracut";
  }
  return {};
}

namespace {

/// True if a path differs between kernels.
bool names_kernel(std::string_view path) {
  return path.find("%k") != std::string_view::npos || path.find("%p") != std::string_view::npos;
}

Result<void> take_entry(std::string_view file, const KeyValue& entry, Profile& profile) {
  if (entry.value.empty()) return bad_key(file, entry, "has no value");
  if (entry.key == "id") {
    if (!profile.id.empty()) return bad_key(file, entry, "is set twice");
    profile.id = entry.value;
  } else if (entry.key == "initramfs") {
    const auto* const named =
        std::ranges::find(generators, std::string_view(entry.value),
                          [](InitramfsGenerator generator) { return to_string(generator); });
    if (named == generators.end()) {
      std::vector<std::string> known;
      for (const auto generator : generators) known.emplace_back(to_string(generator));
      return bad_key(file, entry,
                     "names an unknown initramfs tool: '" + printable(entry.value) +
                         "' (known: " + join(known, ", ") + ")");
    }
    profile.initramfs.push_back(*named);
  } else if (entry.key == "initramfs-image") {
    if (entry.value.front() != '/' || !names_kernel(entry.value)) {
      return bad_key(file, entry, "must be an absolute path that contains %k or %p");
    }
    profile.initramfs_images.push_back(entry.value);
  } else {
    return bad_key(file, entry, "is not a profile key");
  }
  return {};
}

/// The first required key that is missing; empty: none is.
std::string_view missing_key(const Profile& profile) {
  if (profile.id.empty()) return "id";
  if (profile.initramfs.empty()) return "initramfs";
  return profile.initramfs_images.empty() ? "initramfs-image" : "";
}

}  // namespace

Result<Profile> parse_profile(std::string_view file, std::string_view text) {
  auto entries = parse_key_values(file, text);
  if (!entries) return failure_of(entries);
  Profile profile;
  for (const auto& entry : *entries) {
    if (auto taken = take_entry(file, entry, profile); !taken) return failure_of(taken);
  }
  if (const std::string missing(missing_key(profile)); !missing.empty()) {
    return fail(ErrorKind::usage, std::string(file) + ": the key '" + missing + "' is missing",
                "Add a line '" + missing + " = ...'. See vfio-switch-profile(5).");
  }
  return profile;
}

const Profile* match_profile(const std::vector<Profile>& profiles, const OsRelease& os) {
  const auto find = [&](const std::string& id) -> const Profile* {
    const auto found = std::ranges::find(profiles, id, &Profile::id);
    return found == profiles.end() ? nullptr : &*found;
  };
  if (const auto* exact = find(os.id)) return exact;
  for (const auto& id : os.id_like) {
    if (const auto* relative = find(id)) return relative;
  }
  return nullptr;
}

namespace {

/// Null for what is no placeholder.
const std::string* name_for(std::string_view placeholder, const ImageNames& names) {
  if (placeholder == "%k") return &names.release;
  if (placeholder == "%p") return &names.package;
  return placeholder == "%m" ? &names.entry : nullptr;
}

}  // namespace

std::string expand_image(std::string_view path, const ImageNames& names) {
  std::string expanded;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto* name = name_for(path.substr(i, 2), names);
    if (name == nullptr) {
      expanded += path[i];
      continue;
    }
    if (name->empty()) return {};
    expanded += *name;
    ++i;
  }
  return expanded;
}

}  // namespace vfio_switch
