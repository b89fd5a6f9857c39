// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/parameter_edit.h"

#include <algorithm>
#include <iterator>

#include "core/base/text.h"
#include "core/boot/boot_entry.h"
#include "core/boot/entry_generators.h"
#include "core/boot/extlinux_menu.h"
#include "core/boot/grub_edit.h"
#include "core/boot/grub_settings.h"
#include "core/boot/kernel_parameters.h"
#include "core/boot/kernelstub_settings.h"
#include "core/boot/manual_loaders.h"
#include "core/boot/ostree_deployments.h"
#include "core/boot/parameter_file.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;
using Edited = std::expected<ParameterEdit, Obstacle>;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

std::string join_words(const Parameters& parameters) {
  return join(parameters, " ");
}

Edited edit(const Grub& grub, const Parameters& add, const Parameters& drop) {
  return edit_grub(grub, add, drop);
}

Edited edit(const BootEntries& entries, const Parameters& add, const Parameters& drop) {
  auto files = edit_files(entries.files, add, drop);
  if (!files) return std::unexpected(std::move(files).error());
  return ParameterEdit{std::move(*files), std::nullopt};
}

Edited edit(const UnifiedImage& image, const Parameters& add, const Parameters& drop) {
  const auto first = std::ranges::find_if(image.files, counts);
  if (!add.empty() && first == image.files.end()) {
    return std::unexpected(Obstacle{
        ReasonCause::unified_without_source,
        {Manual{ByHand::write_command_line,
                {{"parameters", parameters_of(add)}, {"where", Place{"/etc/kernel/cmdline"}}}}}});
  }
  const bool is_one_enough = image.are_joined && !add.empty();
  const auto chosen = is_one_enough ? std::vector{*first} : image.files;
  auto files = edit_files(chosen, add, drop);
  if (!files) return std::unexpected(std::move(files).error());
  return ParameterEdit{std::move(*files), std::nullopt};
}

/// grubby replaces a parameter of the same key: the values that entries have for it.
std::string former_values(const std::vector<ParameterFile>& entries, std::string_view key) {
  for (const auto& entry : entries) {
    const auto* content = content_of(entry);
    if (content == nullptr || !counts(entry)) continue;
    for (const auto line : split_lines(*content)) {
      for (const auto word : split_words(line)) {
        if (word.starts_with(std::string(key) + "=")) return std::string(word);
      }
    }
  }
  return {};
}

Edited edit(const Grubby& grubby, const Parameters& add, const Parameters& drop) {
  ParameterEdit changes;
  for (const auto& parameter : add) {
    const auto former =
        former_values(grubby.entries, std::string_view(parameter).substr(0, parameter.find('=')));
    const bool goes = std::ranges::find(drop, former) != drop.end();
    if (former.empty() || former == parameter || goes) continue;
    const Data data = {{"former", Parameter{former}}, {"parameter", Parameter{parameter}}};
    const auto joined = former + "," + parameter.substr(parameter.find('=') + 1);
    return std::unexpected(
        Obstacle{{ReasonCause::grubby_would_replace, data},
                 {Run{{{"grubby", "--update-kernel=ALL", "--args=" + joined}}, true}}});
  }
  BootParameters run{{"grubby", "--update-kernel=ALL"},
                     {},
                     grubby.outputs,
                     add,
                     ReasonCause::grubby_changes_entries};
  if (!drop.empty()) run.command.push_back("--remove-args=" + join_words(drop));
  if (!add.empty()) run.command.push_back("--args=" + join_words(add));
  if (!add.empty() || !drop.empty()) changes.run = std::move(run);
  return changes;
}

Edited edit(const RpmOstree& /*loader*/, const Parameters& add, const Parameters& drop) {
  ParameterEdit changes;
  BootParameters run{
      {"rpm-ostree", "kargs"}, {"rpm-ostree", "kargs"}, {}, add, ReasonCause::ostree_deploys};
  for (const auto& parameter : add) {
    run.command.push_back("--append-if-missing=" + parameter);
    run.undo.push_back("--delete-if-present=" + parameter);
  }
  for (const auto& parameter : drop) {
    run.command.push_back("--delete-if-present=" + parameter);
    run.undo.push_back("--append-if-missing=" + parameter);
  }
  if (!add.empty() || !drop.empty()) changes.run = std::move(run);
  return changes;
}

Edited edit(const EntryGenerator& generator, const Parameters& add, const Parameters& drop) {
  return edit_generator(generator, add, drop);
}

template <class T>
Edited edit(const T& loader, const Parameters& add, const Parameters& drop) {
  return std::unexpected(obstacle(loader, add, drop));
}

/// What the lines of a file pass to kernels, where it has others.
std::string command_line_of(const ParameterFile& file, const std::string& content) {
  if (file.syntax != ParameterSyntax::kernelstub_settings) return content;
  return kernelstub_options(content).value_or("");
}

/// The last of `words` that sets `key`.
std::optional<std::string> last_setting(const std::vector<std::string_view>& words,
                                        std::string_view key) {
  std::optional<std::string> last;
  for (const auto word : words) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos || module_name(word.substr(0, equals)) != key) continue;
    last = word;
  }
  return last;
}

/// The line that has `word`, and is no comment.
std::optional<Place> find_word(const std::string& path, std::string_view text,
                               std::string_view word) {
  int number = 0;
  for (const auto line : split_lines(text)) {
    ++number;
    const auto words = words_of_line(path, line);
    if (std::ranges::find(words, word) != words.end()) return Place{path, number};
  }
  return std::nullopt;
}

const std::vector<ParameterFile>* files_of(const BootLoader& loader) {
  return std::visit(Overloaded{[](const Grub& one) { return &one.settings; },
                               [](const BootEntries& one) { return &one.files; },
                               [](const UnifiedImage& one) { return &one.files; },
                               [](const Grubby& one) { return &one.entries; },
                               [](const RpmOstree& one) { return &one.deployments.entries; },
                               [](const EntryGenerator& one) { return &one.settings; },
                               [](const Bootc& one) { return &one.deployments.entries; },
                               [](const auto&) {
                                 return static_cast<const std::vector<ParameterFile>*>(nullptr);
                               }},
                    loader);
}

bool extlinux_has(std::string_view path, std::string_view content, std::string_view parameter) {
  const auto menu = read_extlinux_menu(std::string(path), content);
  return std::ranges::all_of(menu.entries, [&](const BootEntry& entry) {
    return !entry.kernel || !entry.command_line || has_parameter(*entry.command_line, parameter);
  });
}

}  // namespace

bool has_parameter(const BootLoader& loader, std::string_view parameter) {
  return std::visit(
      Overloaded{[&](const Grub& one) { return grub_passes(one, parameter); },
                 [&](const BootEntries& one) { return all_have(one.files, parameter); },
                 [&](const UnifiedImage& one) {
                   if (!one.are_joined) return all_have(one.files, parameter);
                   return std::ranges::any_of(
                       one.files, [&](const auto& file) { return has_parameter(file, parameter); });
                 },
                 [&](const Grubby& one) { return all_have(one.entries, parameter); },
                 [&](const RpmOstree& one) { return next_has(one.deployments, parameter); },
                 [&](const Bootc& one) { return next_has(one.deployments, parameter); },
                 [&](const EntryGenerator& one) { return generator_passes(one, parameter); },
                 [&](const Limine& one) { return limine_has(one.text, parameter); },
                 [&](const Refind& one) { return refind_has(one.text, parameter); },
                 [](const auto&) { return false; }},
      loader);
}

bool is_stale(const BootLoader& loader, std::string_view parameter) {
  if (const auto* generator = std::get_if<EntryGenerator>(&loader)) {
    // Others may have entries there that the tool never writes.
    const auto lacks = [&](const ParameterFile& output) {
      const auto* content = content_of(output);
      return content != nullptr && !output_has(output.path, *content, parameter);
    };
    const auto has = [&](const ParameterFile& output) {
      const auto* content = content_of(output);
      return content != nullptr && tells_parameters(output.path, *content) &&
             output_has(output.path, *content, parameter);
    };
    return has_parameter(loader, parameter) && std::ranges::any_of(generator->outputs, lacks) &&
           std::ranges::none_of(generator->outputs, has);
  }
  const auto* grub = std::get_if<Grub>(&loader);
  return grub != nullptr && grub->generated && has_parameter(loader, parameter) &&
         !grub_cfg_has(*grub->generated, parameter);
}

bool comes_with_image(const BootLoader& loader) {
  const auto* generator = std::get_if<EntryGenerator>(&loader);
  return std::holds_alternative<UnifiedImage>(loader) ||
         (generator != nullptr && generator->builds_images);
}

std::optional<Place> where_set(const BootLoader& loader, std::string_view word) {
  if (const auto* limine = std::get_if<Limine>(&loader)) {
    return find_word(limine->file, limine->text, word);
  }
  if (const auto* refind = std::get_if<Refind>(&loader)) {
    return find_word(refind->file, refind->text, word);
  }
  if (const auto* ostree = std::get_if<RpmOstree>(&loader)) {
    const auto* next = next_deployment(ostree->deployments);
    return next == nullptr ? std::nullopt : find_word(next->path, *content_of(*next), word);
  }
  const auto* files = files_of(loader);
  if (files == nullptr) return std::nullopt;
  for (const auto& file : *files) {
    const auto* content = content_of(file);
    if (content == nullptr) continue;
    if (auto place = find_word(file.path, *content, word)) return place;
  }
  return std::nullopt;
}

std::optional<std::string> last_parameter(std::string_view command_line, std::string_view key) {
  return last_setting(split_words(command_line, " \t\r\n'\""), key);
}

std::optional<std::string> last_parameter(const BootLoader& loader, std::string_view running,
                                          std::string_view key) {
  const auto* files = files_of(loader);
  if (files == nullptr) return last_parameter(running, key);
  std::optional<std::string> last;
  for (const auto& file : *files) {
    const auto* content = content_of(file);
    if (content == nullptr) continue;
    const auto text = command_line_of(file, *content);
    for (const auto line : split_lines(text)) {
      if (auto word = last_setting(words_of_line(file.path, line), key)) last = std::move(word);
    }
  }
  return last;
}

std::optional<std::string> parameter_value(const BootLoader& loader, std::string_view running,
                                           std::string_view key) {
  const auto word = last_parameter(loader, running, key);
  if (!word) return std::nullopt;
  auto value = word->substr(word->find('=') + 1);
  if (value.empty() && files_of(loader) == nullptr) return std::nullopt;
  return value;
}

Edited edit_parameters(const BootLoader& loader, const std::vector<std::string>& add,
                       const std::vector<std::string>& drop) {
  return std::visit([&](const auto& one) { return edit(one, add, drop); }, loader);
}

bool tells_parameters(std::string_view path, std::string_view content) {
  if (path.ends_with("/grub.cfg") || path.ends_with("/limine.conf") ||
      path.ends_with("/extlinux.conf")) {
    return true;
  }
  // kernelstub leaves the second as it is where a single kernel is installed.
  return syntax_of(path) == ParameterSyntax::boot_entry && !path.ends_with("-oldkern.conf") &&
         is_kernel_entry(path, content);
}

bool output_has(std::string_view path, std::string_view content, std::string_view parameter) {
  if (!tells_parameters(path, content)) return true;
  if (path.ends_with("/grub.cfg")) return grub_cfg_has(content, parameter);
  if (path.ends_with("/limine.conf")) return limine_has(content, parameter);
  if (path.ends_with("/extlinux.conf")) return extlinux_has(path, content, parameter);
  return entry_has_parameter(content, parameter);
}

}  // namespace vfio_switch
