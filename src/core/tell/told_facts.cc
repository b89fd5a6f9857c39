// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/told_facts.h"

#include <algorithm>
#include <array>
#include <regex>
#include <utility>
#include <variant>
#include <vector>

#include "core/pci/pci.h"
#include "core/tell/redaction.h"

namespace vfio_switch {

namespace {

const std::string hidden = "...";

template <std::size_t size>
bool is_one_of(std::string_view text, const std::array<std::string_view, size>& known) {
  return std::ranges::find(known, text) != known.end();
}

/// What a home directory may have of any user.
std::string told_in_home(std::string_view rest) {
  constexpr std::array<std::string_view, 9> known = {
      ".profile",
      ".bash_profile",
      ".zprofile",
      ".config/environment.d",
      ".config/hypr/hyprland.conf",
      ".config/plasma-workspace/env",
      ".config/uwsm/env",
      ".config/uwsm/env-hyprland",
      ".config/sway/config",
  };
  return is_one_of(rest, known) ? std::string(rest) : hidden;
}

bool is_own_program(std::string_view word) {
  constexpr std::array<std::string_view, 30> known = {"vfio-switch",
                                                      "mount",
                                                      "virsh",
                                                      "systemctl",
                                                      "udevadm",
                                                      "journalctl",
                                                      "prime-select",
                                                      "envycontrol",
                                                      "driverctl",
                                                      "grubby",
                                                      "rpm-ostree",
                                                      "kernelstub",
                                                      "update-grub",
                                                      "grub-mkconfig",
                                                      "grub2-mkconfig",
                                                      "update-bootloader",
                                                      "update-grub2",
                                                      "update-initramfs",
                                                      "mkinitcpio",
                                                      "limine-mkinitcpio",
                                                      "limine-update",
                                                      "limine-dracut",
                                                      "u-boot-update",
                                                      "proxmox-boot-tool",
                                                      "dracut",
                                                      "booster",
                                                      "cp",
                                                      "rm",
                                                      "sdbootutil",
                                                      "bootc"};
  return is_one_of(word, known);
}

/// The words that remedies have behind such a program.
bool is_own_word(std::string_view word) {
  constexpr std::array<std::string_view, 26> known = {
      "enable",  "disable",        "devices",   "doctor", "plan",  "status",
      "verify",  "rollback",       "report",    "edit",   "kargs", "control",
      "trigger", "unset-override", "supergfxd", "intel",  "all",   "nvidia-persistenced",
      "mount",   "none",           "next",      "host",   "vfio",  "menu",
      "refresh", "upgrade"};
  return is_one_of(word, known);
}

std::string told_argument(const std::string& argument) {
  static const std::regex option("--?[a-z][a-z-]*|-[A-Z]");
  static const std::regex own_value(
      R"(--(grep=DMAR\|AMD-Vi|subsystem-match=vfio|update-kernel=ALL))");
  static const std::regex with_parameter(
      "(--(args|remove-args|append-if-missing|delete-if-present)=)(.*)");
  std::smatch found;
  if (is_own_word(argument) || std::regex_match(argument, option) ||
      std::regex_match(argument, own_value) || PciAddress::parse(argument) ||
      PciId::parse(argument)) {
    return argument;
  }
  if (std::regex_match(argument, found, with_parameter)) {
    const auto value = found[3].str();
    return found[1].str() + (told_command_line(value) == value ? value : hidden);
  }
  if (argument.starts_with('/')) return told_path(argument);
  return told_parameter(argument);
}

Command told_command(const Command& command) {
  Command told;
  for (const auto& argument : command.arguments) {
    const bool program = told.arguments.empty();
    if (program && !is_own_program(argument)) {
      told.arguments.push_back(hidden);
    } else {
      told.arguments.push_back(program ? argument : told_argument(argument));
    }
  }
  return told;
}

struct ToldItem {
  Item operator()(const Place& place) const { return Place{told_path(place.path), place.line}; }
  Item operator()(const Parameter& parameter) const {
    return Parameter{told_parameter(parameter.text)};
  }
  Item operator()(const Command& command) const { return told_command(command); }
  Item operator()(const Quotation& quotation) const { return Quotation{told_line(quotation.text)}; }
  Item operator()(const Name& /*name*/) const { return Name{hidden}; }
  Item operator()(const Reason& reason) const { return told_reason(reason); }
  template <class T>
  Item operator()(const T& item) const {
    return item;
  }
};

Item told_item(const Item& item) {
  return std::visit(ToldItem(), item);
}

std::string told_or_empty(const std::string& line) {
  return line.empty() ? line : told_line(line);
}

struct ToldStep {
  RemedyStep operator()(const Run& run) const {
    return Run{told_command(run.command), run.as_root};
  }
  RemedyStep operator()(const Edit& edit) const {
    return Edit{{told_path(edit.place.path), edit.place.line},
                told_or_empty(edit.from),
                told_or_empty(edit.to)};
  }
  RemedyStep operator()(const Manual& manual) const {
    return Manual{manual.what, told_data(manual.data)};
  }
  RemedyStep operator()(const OtherWay& other) const { return other; }
};

/// True where a row of a table has nothing to say any more.
bool is_hidden(const DetailRow& row) {
  return row.size() == 1 && row.front() == Item(Quotation{hidden});
}

}  // namespace

std::string told_path(std::string_view path) {
  static const std::regex home("((?:/var|/export|/usr)?/home/)([^/]+)(/(.*))?");
  static const std::regex system_path(
      "/(etc|boot|efi|usr|lib|proc|sys|dev|run/modprobe\\.d|var/lib/vfio-switch)(/.*)?");
  static const std::regex machine_id("(^|[^0-9A-Fa-f])[0-9a-f]{32}([^0-9A-Fa-f]|$)");
  constexpr std::string_view root = "/root/";
  constexpr std::string_view guests = "/etc/libvirt/";
  const std::string text(path);
  std::smatch found;
  if (std::regex_match(text, found, home)) {
    const auto rest = found[3].matched ? "/" + told_in_home(found[4].str()) : std::string();
    return found[1].str() + "(name)" + rest;
  }
  if (path.starts_with(root)) return std::string(root) + told_in_home(path.substr(root.size()));
  if (path.starts_with(guests)) {
    return text.substr(0, text.rfind('/') + 1) + "(name)" + (text.ends_with(".xml") ? ".xml" : "");
  }
  if (!may_be_told(path) || !std::regex_match(text, system_path)) return hidden;
  return std::regex_replace(text, machine_id, "$1(id)$2");
}

std::string told_parameter(std::string_view word) {
  std::string text(word);
  if (!text.empty() && told_command_line(text) == text) return text;
  const auto key = text.substr(0, text.find('=') + 1);
  constexpr std::array<std::string_view, 2> plain = {"resume=", "root="};
  const bool tells_nothing = is_one_of(key, plain) || (!key.empty() && is_told_key(key));
  return tells_nothing ? key + hidden : hidden;
}

std::string told_line(std::string_view line) {
  const std::string text(line);
  const auto is_same = [&](const std::vector<std::string>& told) {
    return told.size() == 1 && told.front() == text;
  };
  const bool told = is_same(told_modprobe(text)) || is_same(told_xorg(text)) ||
                    (!text.empty() && told_command_line(text) == text);
  return told ? text : hidden;
}

Data told_data(const Data& data) {
  Data told;
  for (const auto& datum : data) {
    auto& added = told.emplace_back(datum);
    std::ranges::transform(datum.items, added.items.begin(), told_item);
  }
  return told;
}

Remedy told_remedy(const Remedy& remedy) {
  Remedy told;
  for (const auto& step : remedy) told.push_back(std::visit(ToldStep(), step));
  return told;
}

Reason told_reason(const Reason& reason) {
  return {reason.cause, told_data(reason.data)};
}

Refusal told_refusal(const Refusal& refusal) {
  return {refusal.cause, told_data(refusal.data), told_remedy(refusal.remedy), refusal.devices};
}

Note told_note(const Note& note) {
  return {note.cause, told_data(note.data), told_remedy(note.remedy)};
}

Finding told_finding(const Finding& finding) {
  auto told = finding;
  told.data = told_data(finding.data);
  told.remedy = told_remedy(finding.remedy);
  if (finding.refusal) told.refusal = told_refusal(*finding.refusal);
  for (auto& row : told.details) std::ranges::transform(row, row.begin(), told_item);
  std::erase_if(told.details, is_hidden);
  return told;
}

}  // namespace vfio_switch
