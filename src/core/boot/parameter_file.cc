// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/parameter_file.h"

#include <algorithm>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/boot_entry.h"
#include "core/boot/grub_settings.h"
#include "core/boot/kernelstub_settings.h"
#include "core/boot/limine_settings.h"
#include "core/boot/shell_settings.h"
#include "core/boot/u_boot_settings.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

/// Those of usual entries; LINUX_FALLBACK_OPTIONS are better left as they are.
const ShellSettings& sdboot_settings() {
  static const ShellSettings settings{{"LINUX_OPTIONS"}};
  return settings;
}

const ShellSettings& dracut_settings() {
  static const ShellSettings settings{{"kernel_cmdline"}};
  return settings;
}

/// True if the script assigns anything: without, dracut takes the command line from elsewhere.
bool assigns_command_line(std::string_view script) {
  const auto assignments = find_assignments(script);
  return assignments && std::ranges::any_of(*assignments, [&](const ShellAssignment& one) {
           return one.name == "kernel_cmdline" && !trim(unquoted(script, one)).empty();
         });
}

/// How one syntax is read and changed.
struct Spelling {
  bool (*has)(std::string_view text, std::string_view parameter);
  std::optional<std::string> (*add)(std::string_view text, std::string_view parameter);
  std::string (*remove)(std::string_view text, std::string_view parameter);
};

/// That of a variable in a script.
template <const ShellSettings& (*settings)()>
constexpr Spelling shell_spelling = {[](std::string_view text, std::string_view parameter) {
                                       return has_parameter(settings(), text, parameter);
                                     },
                                     [](std::string_view text, std::string_view parameter) {
                                       return add_parameter(settings(), text, parameter);
                                     },
                                     [](std::string_view text, std::string_view parameter) {
                                       return remove_parameter(settings(), text, parameter);
                                     }};

Spelling spelling_of(ParameterSyntax syntax) {
  switch (syntax) {
    case ParameterSyntax::grub_settings:
      return {grub_settings_have, add_grub_parameter, remove_grub_parameter};
    case ParameterSyntax::boot_entry:
      return {entry_has_parameter, add_entry_parameter, remove_entry_parameter};
    case ParameterSyntax::command_line:
      break;
    case ParameterSyntax::sdboot_settings:
      return shell_spelling<sdboot_settings>;
    case ParameterSyntax::limine_settings:
      return {limine_settings_have, add_limine_parameter, remove_limine_parameter};
    case ParameterSyntax::dracut_settings:
      return shell_spelling<dracut_settings>;
    case ParameterSyntax::u_boot_settings:
      return {u_boot_settings_have, add_u_boot_parameter, remove_u_boot_parameter};
    case ParameterSyntax::kernelstub_settings:
      return {kernelstub_settings_have, add_kernelstub_parameter, remove_kernelstub_parameter};
    case ParameterSyntax::first_line:
      return {first_line_has_parameter, add_first_line_parameter, remove_first_line_parameter};
  }
  return {cmdline_file_has_parameter, add_cmdline_file_parameter, remove_cmdline_file_parameter};
}

/// The change of one file; nothing where it stays as it is.
std::expected<std::optional<FileChange>, Obstacle> edit_file(const ParameterFile& file,
                                                             const Parameters& add,
                                                             const Parameters& drop) {
  const auto* before = std::get_if<RegularFile>(&file.state);
  if (before == nullptr) {
    return std::unexpected(Obstacle{{ReasonCause::not_regular, {{"file", Place{file.path}}}},
                                    {Manual{ByHand::move_away, {{"file", Place{file.path}}}}}});
  }
  auto after = *before;
  after.modified = 0;
  after.content = without_parameters(file.syntax, before->content, drop);
  for (const auto& parameter : add) {
    if (has_parameter(ParameterFile{file.syntax, file.path, after}, parameter)) continue;
    auto content = spelling_of(file.syntax).add(after.content, parameter);
    if (!content) {
      return std::unexpected(
          Obstacle{{ReasonCause::no_line_for,
                    {{"file", Place{file.path}}, {"parameter", Parameter{parameter}}}},
                   {Manual{ByHand::add_to_boot_loader, {{"parameters", parameters_of(add)}}}}});
    }
    after.content = std::move(*content);
  }
  if (after.content == before->content) return std::nullopt;
  return FileChange{file.path, *before, after, reason_of_edit(add, drop), true};
}

}  // namespace

Reason reason_of_edit(const std::vector<std::string>& add, const std::vector<std::string>& drop) {
  if (add.empty()) return {ReasonCause::parameters_dropped, {{"parameters", parameters_of(drop)}}};
  return {ReasonCause::parameters_added, {{"parameters", parameters_of(add)}}};
}

const std::string* content_of(const ParameterFile& file) {
  const auto* regular = std::get_if<RegularFile>(&file.state);
  return regular == nullptr ? nullptr : &regular->content;
}

bool has_parameter(const ParameterFile& file, std::string_view parameter) {
  const auto* content = content_of(file);
  return content != nullptr && spelling_of(file.syntax).has(*content, parameter);
}

bool all_have(const std::vector<ParameterFile>& files, std::string_view parameter) {
  bool any = false;
  for (const auto& file : files) {
    if (!counts(file)) continue;
    if (!has_parameter(file, parameter)) return false;
    any = true;
  }
  return any;
}

bool counts(const ParameterFile& file) {
  const auto* content = content_of(file);
  switch (file.syntax) {
    case ParameterSyntax::grub_settings:
      return true;
    case ParameterSyntax::boot_entry:
      return content != nullptr && is_kernel_entry(file.path, *content);
    case ParameterSyntax::command_line:
      return content != nullptr && says_something(*content);
    case ParameterSyntax::sdboot_settings:
      return true;
    case ParameterSyntax::limine_settings:
      return content != nullptr && limine_settings_say(*content);
    case ParameterSyntax::dracut_settings:
      return content != nullptr && assigns_command_line(*content);
    case ParameterSyntax::u_boot_settings:
    case ParameterSyntax::kernelstub_settings:
      return true;
    case ParameterSyntax::first_line:
      return content != nullptr && !trim(first_line(*content)).empty();
  }
  return true;
}

std::string without_parameters(ParameterSyntax syntax, std::string_view content,
                               const std::vector<std::string>& parameters) {
  std::string rest(content);
  for (const auto& parameter : parameters) rest = spelling_of(syntax).remove(rest, parameter);
  return rest;
}

std::vector<std::string_view> words_of_line(std::string_view path, std::string_view line) {
  const auto syntax = syntax_of(path);
  // The others' values have no quotes, and '#' is a character like any other behind their front.
  const bool has_comments =
      syntax != ParameterSyntax::boot_entry && syntax != ParameterSyntax::command_line;
  line = trim(line);
  if (line.starts_with('#')) return {};
  return split_words(has_comments ? without_comment(line) : line, " \t\r\n'\"");
}

ParameterSyntax syntax_of(std::string_view path) {
  if (path.starts_with(grub_settings_path)) return ParameterSyntax::grub_settings;
  if (path.find("/sdboot-manage.conf") != std::string_view::npos) {
    return ParameterSyntax::sdboot_settings;
  }
  if (path == limine_defaults_path || path.find("/limine-entry-tool.") != std::string_view::npos) {
    return ParameterSyntax::limine_settings;
  }
  if (path.find("/dracut.conf") != std::string_view::npos) return ParameterSyntax::dracut_settings;
  if (path == u_boot_defaults_path || path.find("/u-boot-menu/") != std::string_view::npos) {
    return ParameterSyntax::u_boot_settings;
  }
  if (path == kernelstub_settings_path || path == kernelstub_defaults_path) {
    return ParameterSyntax::kernelstub_settings;
  }
  return path.find("/loader/entries/") != std::string_view::npos ? ParameterSyntax::boot_entry
                                                                 : ParameterSyntax::command_line;
}

std::expected<std::vector<FileChange>, Obstacle> edit_files(const std::vector<ParameterFile>& files,
                                                            const Parameters& add,
                                                            const Parameters& drop) {
  std::vector<FileChange> changes;
  for (const auto& file : files) {
    if (!add.empty() && !counts(file)) continue;
    auto change = edit_file(file, add, drop);
    if (!change) return std::unexpected(std::move(change).error());
    if (*change) changes.push_back(std::move(**change));
  }
  return changes;
}

}  // namespace vfio_switch
