// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// The ids that a word of a kernel command line gives vfio-pci; nothing where it is another word.
std::optional<std::string_view> ids_given(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (module_name(word.substr(0, equals)) != "vfio_pci.ids") return std::nullopt;
  return word.substr(equals + 1);
}

bool gives_the_card(const Examination& examination, std::string_view ids) {
  std::set<PciId> given;
  for (const auto text : split_words(ids, ",")) {
    if (const auto id = PciId::parse(text)) given.insert(*id);
  }
  return std::ranges::all_of(examination.functions, [&](const PciAddress& address) {
    return given.contains(find_device(examination.facts, address)->id);
  });
}

std::string how_to_remove(const ConfigLine& line) {
  std::string text = R"(Run: sed -i 's/ *vfio[-_]pci\.ids=[^ "]*//' )" + line.path;
  if (line.path.starts_with("/etc/default/grub")) text += " && update-grub";
  return text;
}

void check_ids_parameter(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_passthrough_wanted(examination)) return;
  bool kept = false;
  for (const auto& line : examination.more.command_lines) {
    for (const auto word : split_words(line.text, " \t\"'")) {
      const auto ids = ids_given(word);
      if (!ids || gives_the_card(examination, *ids)) continue;
      kept = true;
      findings.push_back(make_finding(FindingCode::ids_parameter_kept,
                                      line.where() + " has " + printable(word) + ".",
                                      how_to_remove(line)));
    }
  }
  for (const auto word : split_words(examination.facts.command_line)) {
    const auto ids = ids_given(word);
    if (kept || !ids || gives_the_card(examination, *ids)) continue;
    findings.push_back(make_finding(
        FindingCode::ids_parameter_now, "This boot's command line has " + printable(word) + ".",
        "Reboot without it for passthrough; 'vfio-switch disable' gives "
        "the card back for good."));
  }
}

void check_hibernation(const Examination& examination, std::vector<Finding>& findings) {
  const auto& more = examination.more;
  const bool pending = examination.state.intent != Intent::unset && more.booted_since != true &&
                       !std::ranges::all_of(examination.status.devices, &DeviceStatus::active);
  if (!pending || !more.resume) return;
  findings.push_back(make_finding(FindingCode::hibernation,
                                  "A switch waits for a reboot, and the system can hibernate (" +
                                      printable(*more.resume) + ").",
                                  "Reboot; do not hibernate before that."));
}

}  // namespace

void check_boot(const Examination& examination, std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  for (const auto& path : facts.unmounted) {
    findings.push_back(make_finding(FindingCode::boot_not_mounted,
                                    path + " is in /etc/fstab, and is not mounted.",
                                    "Run 'mount " + path + "'."));
  }
  check_ids_parameter(examination, findings);
  check_hibernation(examination, findings);
  if (facts.command_line_locked) {
    findings.push_back(make_finding(
        FindingCode::command_line_locked,
        "The kernel command line is part of a signed image, and Secure Boot is on.",
        "Keep another way in, such as SSH or a second boot entry without passthrough, before "
        "'vfio-switch enable'."));
  }
}

}  // namespace vfio_switch
