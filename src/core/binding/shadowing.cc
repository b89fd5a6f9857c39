// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/shadowing.h"

#include <algorithm>
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

/// The configuration of each kernel, with the softdeps that its modules carry.
std::vector<std::vector<ModprobeDirective>> by_kernel(const SystemFacts& facts,
                                                      const std::vector<ModprobeFile>& files) {
  std::vector<std::vector<ModprobeDirective>> all;
  for (const auto& kernel : facts.kernels) {
    auto with_module_softdeps = files;
    with_module_softdeps.push_back(kernel.softdeps);
    all.push_back(parse_modprobe(effective_modprobe(std::move(with_module_softdeps))));
  }
  return all;
}

/// True where modprobe takes `line` instead of ours, or ours instead of `line` and more is asked
/// for there: what is kept in our vfio.conf stands below our lines.
bool shadows(const ModprobeDirective& line, const Softdep& ours) {
  if (line.file == vfio_conf_path) return merged({&line}) != ours;
  const auto name = [](std::string_view path) { return path.substr(path.rfind('/') + 1); };
  return name(line.file) <= name(vfio_conf_path);
}

}  // namespace

SoftdepLines softdep_lines(const SystemFacts& facts, const std::set<std::string>& claimants,
                           const std::vector<ModprobeFile>& others) {
  const Softdep ours{{"vfio-pci"}, {}};
  SoftdepLines lines;
  const auto kernels = by_kernel(facts, others);
  for (const auto& module : claimants) {
    if (has_install_command(others, module)) continue;
    std::vector<const ModprobeDirective*> shadowing;
    for (const auto& directives : kernels) {
      const auto* line = effective_softdep(directives, module);
      if (line != nullptr && shadows(*line, ours)) shadowing.push_back(line);
    }
    lines.plain.emplace_back(module, ours);
    if (!shadowing.empty()) lines.merged.emplace_back(module, merged(shadowing));
  }
  return lines;
}

SoftdepLines softdep_lines_beside(const SystemFacts& facts, const std::set<std::string>& claimants,
                                  const std::vector<ModprobeFile>& config) {
  const auto has_vfio = [](const ModprobeDirective* line) {
    if (line == nullptr) return false;
    const auto before = parse_softdep(line->arguments).pre;
    return std::ranges::any_of(
        before, [](const std::string& module) { return module_name(module) == "vfio_pci"; });
  };
  SoftdepLines lines;
  const auto kernels = by_kernel(facts, config);
  for (const auto& module : claimants) {
    if (has_install_command(config, module)) continue;
    std::vector<const ModprobeDirective*> found;
    bool is_enough = true;
    for (const auto& directives : kernels) {
      const auto* line = effective_softdep(directives, module);
      is_enough = is_enough && has_vfio(line);
      if (line != nullptr) found.push_back(line);
    }
    if (!is_enough) lines.merged.emplace_back(module, merged(found));
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
