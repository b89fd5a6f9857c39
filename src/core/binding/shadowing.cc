// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/shadowing.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

Softdep merged(const std::vector<const ModprobeDirective*>& shadowing) {
  Softdep softdep{{"vfio-pci"}, {}};
  const auto add = [](std::vector<std::string>& list, const std::vector<std::string>& more) {
    for (const auto& word : more) {
      if (module_name(word) == "vfio_pci") continue;
      const auto known = std::ranges::find_if(
          list, [&](const std::string& other) { return module_name(other) == module_name(word); });
      if (known == list.end()) list.push_back(word);
    }
  };
  for (const auto* line : shadowing) {
    const auto theirs = parse_softdep(line->arguments);
    add(softdep.pre, theirs.pre);
    add(softdep.post, theirs.post);
  }
  return softdep;
}

/// A softdep would switch the module's install command off, and with it the way that the host
/// loads the driver (Debian's nvidia). There the image has to claim the card: prove_load_order().
bool has_install_command(const std::vector<ModprobeFile>& files, const std::string& module) {
  return std::ranges::any_of(parse_modprobe(effective_modprobe(files)),
                             [&](const ModprobeDirective& line) {
                               return line.command == "install" && line.is_about(module);
                             });
}

}  // namespace

SoftdepLines softdep_lines(const SystemFacts& facts, const std::set<std::string>& claimants,
                           const std::vector<ModprobeFile>& others) {
  const Softdep ours{{"vfio-pci"}, {}};
  SoftdepLines lines;
  std::map<std::string, std::vector<ModprobeDirective>> directives;  // by kernel
  for (const auto& kernel : facts.kernels) {
    auto files = others;
    files.push_back(kernel.softdeps);
    directives[kernel.release] = parse_modprobe(effective_modprobe(std::move(files)));
  }
  const auto after_ours = [](const std::string& path) {
    const auto name = path.substr(path.rfind('/') + 1);
    return name > vfio_conf_path.substr(vfio_conf_path.rfind('/') + 1);
  };
  for (const auto& module : claimants) {
    if (has_install_command(others, module)) continue;
    std::vector<const ModprobeDirective*> shadowing;
    for (const auto& [release, lines_of_kernel] : directives) {
      const auto* line = effective_softdep(lines_of_kernel, module);
      if (line != nullptr && !after_ours(line->file)) shadowing.push_back(line);
    }
    lines.plain.emplace_back(module, ours);
    if (!shadowing.empty()) lines.merged.emplace_back(module, merged(shadowing));
  }
  return lines;
}

std::optional<Place> shadowing_line(const std::vector<ModprobeFile>& config, const Kernel& kernel,
                                    const LoadOrder& order) {
  if (order.contenders.empty() || order.vfio_wins()) return std::nullopt;
  auto files = config;
  files.push_back(kernel.softdeps);
  const auto directives = parse_modprobe(effective_modprobe(std::move(files)));
  const auto* line = effective_softdep(directives, order.contenders.front());
  if (line == nullptr || is_generated(line->file)) return std::nullopt;
  return line->place();
}

}  // namespace vfio_switch
