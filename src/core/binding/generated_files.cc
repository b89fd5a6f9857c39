// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/generated_files.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/files/kept_lines.h"
#include "core/files/seal.h"

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

}  // namespace

std::string render_vfio_conf(const std::vector<std::pair<PciAddress, PciId>>& card,
                             const std::vector<SoftdepLine>& lines, std::string_view kept) {
  std::vector<std::string> ids;
  for (const auto& [address, id] : card) {
    if (std::ranges::find(ids, id.str()) == ids.end()) ids.push_back(id.str());
  }
  auto text = std::string(enabled_head) + render_card(card) + render_lines(lines);
  text += "options vfio-pci ids=" + join(ids, ",") + "\n";
  return sealed(with_kept_part(std::move(text), kept));
}

std::string render_vfio_conf_by_address(const std::vector<std::pair<PciAddress, PciId>>& card,
                                        const std::vector<SoftdepLine>& lines,
                                        std::string_view kept) {
  return sealed(with_kept_part(
      std::string(enabled_head) + render_card(card) +
          "# By address: other devices of this machine have the same ids, or a driver is built "
          "into the kernel.\n" +
          render_lines(lines) + "install vfio-pci " + std::string(bind_path) +
          " $CMDLINE_OPTS; modprobe -i vfio-pci $CMDLINE_OPTS\n",
      kept));
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
  if (!is_live(content) && is_unmodified(content)) return std::string(content);
  std::string text(disabled_head);
  const auto kept = kept_part(content);
  auto body = unsealed(own_part(content));
  if (body.starts_with(enabled_head)) body.remove_prefix(enabled_head.size());
  for (const auto line : split_lines(body)) {
    if (!trim(line).empty() && line.front() != '#') text += '#';
    text += line;
    text += '\n';
  }
  return sealed(with_kept_part(std::move(text), kept));
}

}  // namespace vfio_switch
