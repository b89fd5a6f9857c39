// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/doctor/desktop_settings.h"

#include <array>
#include <iterator>

#include "system/files/best_effort.h"

namespace vfio_switch {

namespace {

class Settings {
 public:
  Settings(const FileReader& files, const DriNodes& nodes) : files_(files), nodes_(nodes) {}

  void add_file(const std::string& path) {
    const auto text = text_of(files_, path);
    // Most files name none, and are read once more line by line only where one does.
    if (text.find("/dev/dri/") == std::string::npos) return;
    std::ranges::move(parse_compositor_settings(path, text, nodes_), std::back_inserter(found_));
  }

  void add_directory(const std::string& directory, std::string_view suffix) {
    for (const auto& name : names_in(files_, directory)) {
      if (name.ends_with(suffix)) add_file(directory + name);
    }
  }

  void add_home(const std::string& home) {
    const auto config = home + "/.config/";
    add_directory(config + "environment.d/", ".conf");
    add_directory(config + "hypr/", ".conf");
    add_directory(config + "plasma-workspace/env/", ".sh");
    for (const char* name : {"uwsm/env", "uwsm/env-hyprland", "sway/config"})
      add_file(config + name);
    for (const char* name : {"/.profile", "/.bash_profile", "/.zprofile"}) add_file(home + name);
  }

  std::vector<CompositorSetting> take() { return std::move(found_); }

 private:
  const FileReader& files_;
  const DriNodes& nodes_;
  std::vector<CompositorSetting> found_;
};

}  // namespace

std::vector<CompositorSetting> read_compositor_settings(const FileReader& files,
                                                        const DriNodes& nodes) {
  constexpr std::array<std::pair<const char*, const char*>, 4> directories = {{
      {"/etc/environment.d/", ".conf"},
      {"/usr/lib/environment.d/", ".conf"},
      {"/etc/profile.d/", ".sh"},
      {"/etc/udev/rules.d/", ".rules"},
  }};
  Settings settings(files, nodes);
  settings.add_file("/etc/environment");
  settings.add_file("/usr/lib/udev/rules.d/61-mutter-primary-gpu.rules");
  for (const auto& [directory, suffix] : directories) settings.add_directory(directory, suffix);
  for (const auto& user : names_in(files, "/home")) settings.add_home("/home/" + user);
  settings.add_home("/root");
  return settings.take();
}

}  // namespace vfio_switch
