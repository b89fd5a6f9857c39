// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/loader_search.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

struct LoaderName {
  std::string_view text;
  LoaderKind kind;
};

/// How LoaderInfo begins.
constexpr std::array<LoaderName, 4> infos = {{
    {"systemd-boot", LoaderKind::systemd_boot},
    {"GRUB", LoaderKind::grub},
    {"Limine", LoaderKind::limine},
    {"rEFInd", LoaderKind::refind},
}};

/// How the file name of an EFI program begins, in lower case. shim starts GRUB where it is found,
/// but systemd-boot as well: it names none.
constexpr std::array<LoaderName, 8> programs = {{
    {"systemd-boot", LoaderKind::systemd_boot},
    {"grub", LoaderKind::grub},
    {"limine", LoaderKind::limine},
    {"refind", LoaderKind::refind},
    {"zfsbootmenu", LoaderKind::zfsbootmenu},
    {"vmlinuz-zfsbootmenu", LoaderKind::zfsbootmenu},
    {"vmlinuz", LoaderKind::efi_stub},
    {"bzimage", LoaderKind::efi_stub},
}};

bool needs_efi(LoaderKind kind) {
  return kind == LoaderKind::systemd_boot || kind == LoaderKind::refind ||
         kind == LoaderKind::unified_image || kind == LoaderKind::efi_stub;
}

LoaderKind loader_of_info(std::string_view info) {
  const auto* const found = std::ranges::find_if(
      infos, [&](const LoaderName& name) { return info.starts_with(name.text); });
  return found == infos.end() ? LoaderKind::unknown : found->kind;
}

const LoadOption* option_of(const EfiVariables& variables, unsigned number) {
  const auto found = std::ranges::find(variables.load_options, number, &LoadOption::number);
  return found == variables.load_options.end() ? nullptr : &*found;
}

/// What the firmware starts first, once BootNext is gone.
const LoadOption* first_option(const EfiVariables& variables) {
  for (const auto number : variables.boot_order) {
    const auto* const option = option_of(variables, number);
    if (option != nullptr && option->is_active) return option;
  }
  return nullptr;
}

class Search {
 public:
  explicit Search(const LoaderSigns& signs) : signs_(signs) {}

  LoaderFinding run() {
    finding_.tool = signs_.tool;
    finding_.tool_file = signs_.tool_file;
    const auto& variables = signs_.variables;
    if (variables.boot_next && variables.boot_next != variables.boot_current) {
      const auto* const option = option_of(variables, *variables.boot_next);
      finding_.once = option != nullptr ? *option : LoadOption{*variables.boot_next};
    }
    const auto* const option = first_option(variables);
    const auto next = option == nullptr ? LoaderKind::unknown : loader_of_file(option->file);
    add(next, LoaderEvidence::next_option, option == nullptr ? std::string() : option->file);
    if (variables.loader_info) {
      add(loader_of_info(*variables.loader_info), LoaderEvidence::loader_info,
          *variables.loader_info);
    }
    if (!finding_.signs.empty()) return settled();
    if (variables.stub_info && !variables.loader_info) {
      add(LoaderKind::unified_image, LoaderEvidence::stub_info, *variables.stub_info);
      return settled();
    }
    const bool named = std::ranges::any_of(
        signs_.files, [](const LoaderSign& sign) { return sign.kind == LoaderKind::extlinux; });
    if (signs_.boot_image && !named) {
      add(LoaderKind::grub, LoaderEvidence::boot_image, *signs_.boot_image);
      return settled();
    }
    for (const auto& sign : signs_.files) add(sign.kind, sign.evidence, sign.detail);
    return settled();
  }

 private:
  void add(LoaderKind kind, LoaderEvidence evidence, std::string detail) {
    if (kind == LoaderKind::unknown) return;
    if (needs_efi(kind) && signs_.is_efi == false) return;
    const auto same = [&](const LoaderSign& sign) { return sign.kind == kind; };
    if (std::ranges::any_of(finding_.signs, same)) return;
    finding_.signs.push_back({kind, evidence, std::move(detail)});
  }

  LoaderFinding settled() {
    if (finding_.signs.size() == 1) finding_.kind = finding_.signs.front().kind;
    return std::move(finding_);
  }

  const LoaderSigns& signs_;
  LoaderFinding finding_;
};

}  // namespace

std::string_view to_string(LoaderEvidence evidence) {
  switch (evidence) {
    case LoaderEvidence::next_option:
      return "next-option";
    case LoaderEvidence::loader_info:
      return "loader-info";
    case LoaderEvidence::stub_info:
      return "stub-info";
    case LoaderEvidence::boot_image:
      return "boot-image";
    case LoaderEvidence::files:
      return "files";
  }
  return "";
}

LoaderKind loader_of_file(std::string_view path) {
  const auto lower = lower_case(path);
  const auto name = std::string_view(lower).substr(lower.rfind('/') + 1);
  const auto* const found = std::ranges::find_if(
      programs, [&](const LoaderName& program) { return name.starts_with(program.text); });
  if (found != programs.end()) return found->kind;
  // Unified images have their own directory, and any name there.
  const bool unified = lower.starts_with("/efi/linux/") && lower.ends_with(".efi");
  return unified ? LoaderKind::unified_image : LoaderKind::unknown;
}

LoaderFinding find_loader(const LoaderSigns& signs) {
  return Search(signs).run();
}

BootUnknown why_no_loader(const LoaderFinding& finding) {
  if (finding.signs.empty()) return {BootUnknownCode::loader, "an unknown boot loader"};
  std::vector<std::string> names;
  for (const auto& sign : finding.signs) names.emplace_back(to_string(sign.kind));
  return {BootUnknownCode::several, enumerate(names)};
}

}  // namespace vfio_switch
