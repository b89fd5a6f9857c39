// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/profile_store.h"

#include <array>
#include <map>
#include <utility>

#include "core/base/text.h"
#include "system/machine/probe.h"

namespace vfio_switch {

Result<Profile> load_profile(const FileReader& files) {
  std::map<std::string, std::pair<std::string, std::string>> texts;  // name -> path, text
  for (const auto& [name, text] : embedded_profiles()) {
    texts[std::string(name)] = {"profiles/" + std::string(name), std::string(text)};
  }
  constexpr std::array<const char*, 2> directories = {"/usr/share/vfio-switch/profiles",
                                                      "/etc/vfio-switch/profiles"};
  for (const std::string directory : directories) {
    auto names = files.list(directory);
    if (!names) return failure_of(names);
    for (const auto& name : *names) {
      if (!name.ends_with(".conf")) continue;
      const auto path = directory + "/" + name;
      auto text = files.read(path);
      if (!text) return failure_of(text);
      if (*text) texts[name] = {path, std::move(**text)};
    }
  }
  std::vector<Profile> profiles;
  std::vector<std::string> known;
  for (const auto& [name, source] : texts) {
    auto profile = parse_profile(source.first, source.second);
    if (!profile) return profile;
    known.push_back(profile->id);
    profiles.push_back(std::move(*profile));
  }
  ForeignFiles foreign(files);
  const auto os = read_os_release(foreign);
  if (const auto* profile = match_profile(profiles, os)) return *profile;
  return fail("no profile for this distribution (os-release: ID=" + printable(os.id) +
                  (os.id_like.empty() ? "" : " ID_LIKE=" + printable(join(os.id_like, " "))) +
                  "); known: " + enumerate(known),
              "Add a profile to /etc/vfio-switch/profiles. See vfio-switch-profile(5).");
}

Result<Settings> load_settings(const FileReader& files) {
  const std::string path = "/etc/vfio-switch.conf";
  auto text = files.read(path);
  if (!text) return failure_of(text);
  return parse_settings(path, text->value_or(""));
}

}  // namespace vfio_switch
