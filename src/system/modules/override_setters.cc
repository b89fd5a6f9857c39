// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/override_setters.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

/// "00-vfio-switch", "00-vfio-switch-bind.sh", "vfio-switch-bind.service", and what they start.
bool is_ours(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return name == "00-vfio-switch" || name.starts_with("vfio-switch") ||
         name.ends_with("-vfio-switch-bind.sh") || path.contains("/lib/vfio-switch/") ||
         path.contains("/libexec/vfio-switch/");
}

/// Finds them one after the other.
class Search {
 public:
  explicit Search(ForeignFiles& files) : files_(files) {}

  void look_into(const std::string& path) {
    if (is_ours(path) || path.ends_with(legacy_unit)) return;
    auto file = read_foreign(files_.reader(), path);
    // Directories and programs that are too large are none of what is looked for.
    if (file.kind == ForeignKind::unreadable) files_.add_unread(path, std::move(file.why));
    if (auto setter = find_override_setter(path, file.text)) setters_.push_back(std::move(*setter));
  }

  void look_into_all(const std::string& directory) {
    if (!files_.reader().exists(directory)) return;
    for (const auto& path : files_.paths(directory, {})) look_into(path);
  }

  /// initramfs-tools' scripts, which run before the root file system is there.
  void look_into_scripts(const std::string& directory) {
    for (const auto* when : {"init-top", "init-premount", "local-top", "local-block",
                             "local-premount", "local-bottom", "init-bottom"}) {
      look_into_all(directory + "/" + when);
    }
  }

  void look_into_dracut(const std::string& directory) {
    for (const auto* when :
         {"cmdline", "pre-udev", "pre-trigger", "initqueue", "initqueue/settled",
          "initqueue/online", "initqueue/finished", "pre-mount", "mount", "pre-pivot"}) {
      look_into_all(directory + "/" + when);
    }
  }

  /// Those that a link of systemctl's enables.
  void look_into_units(const std::string& directory) {
    if (!files_.reader().exists(directory)) return;
    for (const auto& path : files_.paths(directory, ".service")) {
      if (!is_enabled(path.substr(path.rfind('/') + 1))) continue;
      look_into_with_scripts(path);
      if (!files_.reader().exists(path + ".d")) continue;
      for (const auto& part : files_.paths(path + ".d", ".conf")) look_into_with_scripts(part);
    }
  }

  void look_into_rules(const std::string& directory) {
    if (!files_.reader().exists(directory)) return;
    for (const auto& path : files_.paths(directory, ".rules")) look_into_with_scripts(path);
  }

  /// mkinitcpio's hooks, those that its configuration names.
  void look_into_hooks(const std::string& directory) {
    if (!files_.reader().exists(directory)) return;
    auto config = files_.text("/etc/mkinitcpio.conf");
    for (const auto& path : files_.paths("/etc/mkinitcpio.conf.d", ".conf")) {
      config += files_.text(path);
    }
    const auto named = split_words(config, " \t\n()\"'=");
    for (const auto& path : files_.paths(directory, {})) {
      const auto name = std::string_view(path).substr(path.rfind('/') + 1);
      if (std::ranges::find(named, name) != named.end()) look_into(path);
    }
  }

  std::vector<OverrideSetter> take() && { return std::move(setters_); }

 private:
  /// Of a template: for whatever instance. A timer, a path or a socket starts the service of its
  /// name.
  [[nodiscard]] bool is_enabled(const std::string& unit) {
    if (!enabled_) enabled_ = enabled_units();
    const auto name = unit.substr(0, unit.rfind('.'));
    return std::ranges::any_of(*enabled_, [&](const std::string& link) {
      return link == name || (name.ends_with('@') && link.starts_with(name));
    });
  }

  [[nodiscard]] std::set<std::string> enabled_units() {
    std::set<std::string> units;
    for (const std::string directory :
         {"/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system"}) {
      if (!files_.reader().exists(directory)) continue;
      for (const auto& name : files_.names(directory)) {
        if (!name.ends_with(".wants") && !name.ends_with(".requires")) continue;
        for (const auto& link : files_.names(directory + "/" + name)) {
          units.insert(link.substr(0, link.rfind('.')));
        }
      }
    }
    return units;
  }

  void look_into_with_scripts(const std::string& path) {
    look_into(path);
    const auto file = read_foreign(files_.reader(), path);
    bool goes_on = false;
    for (const auto line : split_lines(file.text)) {
      const auto words = trim(line);
      const bool continued = std::exchange(goes_on, words.ends_with('\\'));
      if (words.starts_with('#')) continue;
      if (!continued && !words.starts_with("Exec") && !words.contains("RUN") &&
          !words.contains("PROGRAM")) {
        continue;
      }
      for (auto word : split_words(words, " \t=\"',\\")) {
        word.remove_prefix(std::min(word.find_first_not_of("-@:+!"), word.size()));
        look_into_script(std::string(word));
      }
    }
  }

  /// systemd and udev look for what has no path in these.
  void look_into_script(const std::string& word) {
    if (word.starts_with('/')) {
      if (is_script(word)) look_into(word);
      return;
    }
    if (word.empty() || word.contains('/') || word.contains('$')) return;
    for (const std::string directory :
         {"/usr/lib/udev/", "/usr/local/bin/", "/usr/local/sbin/", "/usr/bin/", "/usr/sbin/"}) {
      if (is_script(directory + word)) look_into(directory + word);
    }
  }

  /// Shells and other programs of packages are larger than the scripts that people write.
  [[nodiscard]] bool is_script(const std::string& path) const {
    constexpr std::uint64_t most = std::uint64_t{64} << 10U;
    const auto status = files_.reader().status(path);
    return status && *status && (*status)->kind == FileKind::regular && (*status)->size <= most;
  }

  ForeignFiles& files_;
  std::vector<OverrideSetter> setters_;
  std::optional<std::set<std::string>> enabled_;  ///< without the suffix
};

}  // namespace

std::vector<OverrideSetter> read_override_setters(ForeignFiles& files) {
  Search search(files);
  for (const auto* directory : {"/etc", "/run", "/usr/local/lib", "/usr/lib"}) {
    search.look_into_rules(std::string(directory) + "/udev/rules.d");
  }
  for (const auto* directory : {"/etc", "/usr/local/lib", "/usr/lib"}) {
    search.look_into_units(std::string(directory) + "/systemd/system");
  }
  search.look_into("/etc/rc.local");
  search.look_into_scripts("/etc/initramfs-tools/scripts");
  search.look_into_hooks("/etc/initcpio/hooks");
  search.look_into_hooks("/usr/lib/initcpio/hooks");
  return std::move(search).take();
}

std::vector<OverrideSetter> read_image_override_setters(ForeignFiles& image) {
  Search search(image);
  // Some tools put /etc's rules elsewhere.
  for (const auto* directory : {"/etc", "/usr/lib", "/lib"}) {
    search.look_into_rules(std::string(directory) + "/udev/rules.d");
  }
  search.look_into_units("/etc/systemd/system");
  search.look_into_scripts("/scripts");
  search.look_into_all("/hooks");
  search.look_into_dracut("/lib/dracut/hooks");
  search.look_into_dracut("/var/lib/dracut/hooks");
  return std::move(search).take();
}

}  // namespace vfio_switch
