// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/override_setters.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

/// Finds them one after the other.
class Search {
 public:
  explicit Search(ForeignFiles& files) : files_(files) {}

  void look_into(const std::string& path) {
    // Their names have it: "00-vfio-switch", "vfio-switch-bind.service".
    if (path.find("vfio-switch") != std::string::npos || path.ends_with(legacy_unit)) return;
    auto file = read_foreign(files_.reader(), path);
    // Directories and programs that are too large are none of what is looked for.
    if (file.kind == ForeignKind::unreadable) files_.add_unread(path, std::move(file.why));
    if (auto setter = find_override_setter(path, file.text)) setters_.push_back(std::move(*setter));
  }

  void look_into_all(const std::string& directory, std::string_view suffix = {}) {
    if (!files_.reader().exists(directory)) return;
    for (const auto& path : files_.paths(directory, suffix)) look_into(path);
  }

  /// initramfs-tools' scripts, which run before the root file system is there.
  void look_into_scripts(const std::string& directory) {
    for (const auto* when : {"init-top", "init-premount", "local-top", "local-block",
                             "local-premount", "local-bottom", "init-bottom"}) {
      look_into_all(directory + "/" + when);
    }
  }

  void look_into_dracut(const std::string& directory) {
    for (const auto* when : {"cmdline", "pre-udev", "pre-trigger", "initqueue/settled",
                             "initqueue/finished", "pre-mount", "mount", "pre-pivot"}) {
      look_into_all(directory + "/" + when);
    }
  }

  void look_into_units(const std::string& directory) {
    for (const auto& path : files_.paths(directory, ".service")) {
      if (!is_enabled(path.substr(path.rfind('/') + 1))) continue;
      look_into(path);
      for (const auto& script : scripts_of(files_.text(path))) look_into(script);
    }
  }

  std::vector<OverrideSetter> take() && { return std::move(setters_); }

 private:
  /// A link in one of the directories that systemctl enable makes them in.
  [[nodiscard]] bool is_enabled(const std::string& unit) {
    const std::string directory = "/etc/systemd/system";
    const auto names = files_.names(directory);
    return std::ranges::any_of(names, [&](const std::string& name) {
      return (name.ends_with(".wants") || name.ends_with(".requires")) &&
             files_.reader().read_link(directory + "/" + name + "/" + unit).has_value();
    });
  }

  /// The scripts that a unit starts: no program of a package's.
  static std::vector<std::string> scripts_of(std::string_view unit) {
    std::vector<std::string> scripts;
    for (const auto line : split_lines(unit)) {
      if (!trim(line).starts_with("Exec")) continue;
      for (auto word : split_words(line, " \t=\"'")) {
        word.remove_prefix(std::min(word.find_first_not_of("-@:+!"), word.size()));
        const bool packaged = word.starts_with("/bin/") || word.starts_with("/usr/bin/") ||
                              word.starts_with("/sbin/") || word.starts_with("/usr/sbin/");
        if (word.starts_with('/') && (!packaged || word.ends_with(".sh"))) {
          scripts.emplace_back(word);
        }
      }
    }
    return scripts;
  }

  ForeignFiles& files_;
  std::vector<OverrideSetter> setters_;
};

}  // namespace

std::vector<OverrideSetter> read_override_setters(ForeignFiles& files) {
  Search search(files);
  for (const auto* directory : {"/etc", "/run", "/usr/local/lib"}) {
    search.look_into_all(std::string(directory) + "/udev/rules.d", ".rules");
  }
  search.look_into_units("/etc/systemd/system");
  search.look_into_units("/usr/local/lib/systemd/system");
  search.look_into_scripts("/etc/initramfs-tools/scripts");
  search.look_into_all("/etc/initcpio/hooks");
  return std::move(search).take();
}

std::vector<OverrideSetter> read_image_override_setters(ForeignFiles& image) {
  Search search(image);
  search.look_into_all("/etc/udev/rules.d", ".rules");
  search.look_into_units("/etc/systemd/system");
  search.look_into_scripts("/scripts");
  search.look_into_all("/hooks");
  search.look_into_dracut("/lib/dracut/hooks");
  search.look_into_dracut("/var/lib/dracut/hooks");
  return std::move(search).take();
}

}  // namespace vfio_switch
