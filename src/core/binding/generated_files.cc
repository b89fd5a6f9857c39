// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/generated_files.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/files/seal.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

constexpr std::string_view enabled_head =
    "# GPU passthrough: enabled. Written by vfio-switch; 'vfio-switch disable' gives the card "
    "back.\n"
    "# One boot without it: add vfio-pci.ids= to the kernel command line at the boot menu.\n";
constexpr std::string_view disabled_head =
    "# GPU passthrough: disabled by vfio-switch; 'vfio-switch enable' takes the card again.\n";
std::string render_card(const std::vector<std::pair<PciAddress, PciId>>& card) {
  std::string text;
  for (const auto& [address, id] : card) text += "#   " + address.str() + " " + id.str() + "\n";
  return text;
}

std::string render_lines(const std::vector<SoftdepLine>& lines) {
  std::string text;
  for (const auto& [module, softdep] : lines) {
    text += "softdep " + module + " " + softdep.str() + "\n";
  }
  return text;
}

bool only_words(std::string_view arguments, const std::set<std::string, std::less<>>& allowed) {
  return std::ranges::all_of(split_words(arguments), [&](std::string_view word) {
    return allowed.contains(module_name(word));
  });
}

/// The modules that guides for the softdep method load.
const std::set<std::string, std::less<>>& vfio_modules() {
  static const std::set<std::string, std::less<>> modules = {"vfio", "vfio_pci", "vfio_pci_core",
                                                             "vfio_iommu_type1", "vfio_virqfd"};
  return modules;
}

bool binds_only(std::string_view arguments, const std::set<PciId>& ids) {
  for (const auto word : split_words(arguments)) {
    if (word == "disable_vga=1") continue;
    const auto given = ids_option(word);
    if (!given || !given->not_understood().empty()) return false;
    if (!std::ranges::includes(VfioIds(ids).ids(), given->ids())) return false;
  }
  return true;
}

bool is_guide_line(const ModprobeDirective& line, const std::set<PciId>& ids) {
  if (line.command == "options") {
    return module_name(line.subject) == "vfio_pci" && binds_only(line.arguments, ids);
  }
  if (line.command != "softdep") return false;
  const auto softdep = parse_softdep(line.arguments);
  return !softdep.pre.empty() && softdep.post.empty() &&
         only_words(join(softdep.pre, " "), vfio_modules());
}

/// `content` with the comment sign of every commented directive taken off.
std::string uncommented(std::string_view content) {
  std::string text;
  for (const auto raw : split_lines(content)) {
    auto line = trim(raw);
    while (!line.empty() && (line.front() == '#' || line.front() == ' ')) line.remove_prefix(1);
    if (line.starts_with("softdep ") || line.starts_with("options ")) {
      text += line;
      text += '\n';
    }
  }
  return text;
}

}  // namespace

std::string render_vfio_conf(const std::vector<std::pair<PciAddress, PciId>>& card,
                             const std::vector<SoftdepLine>& lines) {
  std::vector<std::string> ids;
  for (const auto& [address, id] : card) {
    if (std::ranges::find(ids, id.str()) == ids.end()) ids.push_back(id.str());
  }
  auto text = std::string(enabled_head) + render_card(card) + render_lines(lines);
  text += "options vfio-pci ids=" + join(ids, ",") + "\n";
  return sealed(std::move(text));
}

std::string render_vfio_conf_by_address(const std::vector<std::pair<PciAddress, PciId>>& card,
                                        const std::vector<SoftdepLine>& lines) {
  return sealed(
      std::string(enabled_head) + render_card(card) +
      "# By address: other devices of this machine have the same ids, or a driver is built "
      "into the kernel.\n" +
      render_lines(lines) + "install vfio-pci " + std::string(bind_path) +
      " $CMDLINE_OPTS; modprobe -i vfio-pci $CMDLINE_OPTS\n");
}

std::string render_override(const std::vector<OverrideEntry>& entries) {
  auto text = std::string(enabled_head) +
              "# Address, and what must be there: vendor:device:subvendor:subdevice.\n";
  for (const auto& entry : entries) text += entry.str() + "\n";
  return sealed(std::move(text));
}

std::string render_softdep_conf(const std::vector<SoftdepLine>& lines) {
  return sealed(std::string(enabled_head) +
                "# Of all softdep lines for a module only the first counts, by file name: these\n"
                "# come first, and keep what the lines behind them asked for.\n" +
                render_lines(lines));
}

std::string render_modules_load() {
  return sealed(std::string(enabled_head) + "vfio-pci\n");
}

std::string render_mkinitcpio_conf() {
  // Without quotes: HOOKS may be a string. With `if`: a file that ends in failure ends the build.
  return sealed(std::string(enabled_head) +
                "# mkinitcpio fails every build where HOOKS names a hook that is not installed.\n"
                "if [[ -e " +
                std::string(mkinitcpio_hook_path) +
                " ]]; then\n"
                "  HOOKS=(${HOOKS[@]} vfio-switch)\n"
                "fi\n");
}

std::string disabled_form(std::string_view content) {
  if (is_inert(content) && is_unmodified(content)) return std::string(content);
  std::string text(disabled_head);
  auto body = unsealed(content);
  if (body.starts_with(enabled_head)) body.remove_prefix(enabled_head.size());
  for (const auto line : split_lines(body)) {
    if (!trim(line).empty() && line.front() != '#') text += '#';
    text += line;
    text += '\n';
  }
  return sealed(std::move(text));
}

bool is_adoptable(std::string_view path, std::string_view content, const std::set<PciId>& ids) {
  if (unsealed(content).size() != content.size()) return false;  // ours, edited since
  if (path == modules_load_path) {
    return std::ranges::all_of(split_lines(content), [](std::string_view raw) {
      const auto line = trim(raw);
      return line.empty() || line.front() == '#' || line.front() == ';' ||
             vfio_modules().contains(module_name(line));
    });
  }
  if (path != vfio_conf_path) return false;
  const auto live = parse_modprobe(ModprobeFile{std::string(path), std::string(content)});
  const auto lines =
      live.empty() ? parse_modprobe(ModprobeFile{std::string(path), uncommented(content)}) : live;
  return !lines.empty() && std::ranges::all_of(lines, [&](const ModprobeDirective& line) {
    return is_guide_line(line, ids);
  });
}

}  // namespace vfio_switch
