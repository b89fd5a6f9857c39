// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/remedies.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/boot/parameter_remedy.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

constexpr std::string_view list_separators = " \t\"'()=+";

bool is_list_separator(char c) {
  return list_separators.find(c) != std::string_view::npos;
}

/// The line at `place` as it stands in the file; empty where there is none.
std::string line_at(const std::vector<ModprobeFile>& files, const Place& place) {
  const auto file = std::ranges::find(files, place.path, &ModprobeFile::path);
  if (file == files.end() || place.line < 1) return {};
  const auto lines = split_lines(file->content);
  const auto index = static_cast<std::size_t>(place.line) - 1;
  return index < lines.size() ? std::string(lines[index]) : std::string();
}

}  // namespace

Run command_for_intent(const Examination& examination, std::vector<std::string> options) {
  const bool enabled = examination.state.intent == Intent::enabled;
  options.insert(options.begin(), enabled ? "enable" : "disable");
  return own_command(std::move(options));
}

RemedyStep rebuild_step(const Examination& examination) {
  const auto& command = examination.more.rebuild;
  if (command.empty()) return Manual{ByHand::rebuild_initramfs};
  return Run{{command}, true};
}

Remedy adding(const Examination& examination, std::string_view parameter) {
  auto remedy = parameter_remedy(examination.facts.boot_loader, {std::string(parameter)}, {});
  remedy.emplace_back(Manual{ByHand::reboot});
  return remedy;
}

Remedy dropping(const Examination& examination, std::string_view parameter) {
  const auto& loader = examination.facts.boot_loader;
  Remedy remedy;
  for (const auto& line : examination.more.command_lines) {
    const auto words = split_words(line.text, " \t\"'");
    if (std::ranges::find(words, parameter) == words.end()) continue;
    add_steps(remedy, removal_remedy(loader, line, parameter));
  }
  if (!remedy.empty()) return remedy;
  return parameter_remedy(loader, {}, {std::string(parameter)});
}

Remedy without_line(const Examination& examination, const Place& place) {
  return without_line(place, line_at(examination.facts.modprobe, place));
}

Edit without_module(const Place& place, std::string_view line, std::string_view module) {
  Edit edit{place, std::string(line), {}};
  // An array, or a value of a shell variable: other modules stand beside it.
  if (line.find_first_of("(\"'") == std::string_view::npos) return edit;
  for (const auto word : split_words(line, list_separators)) {
    if (module_name(word) != module) continue;
    auto begin = static_cast<std::size_t>(word.data() - line.data());
    auto end = begin + word.size();
    const bool blank_before = begin > 0 && line[begin - 1] == ' ';
    const bool blank_behind = end < line.size() && line[end] == ' ';
    if (blank_before && (blank_behind || end == line.size() || is_list_separator(line[end]))) {
      --begin;
    } else if (blank_behind) {
      ++end;
    }
    edit.to = std::string(line.substr(0, begin)) + std::string(line.substr(end));
    return edit;
  }
  return edit;
}

void add_steps(Remedy& remedy, const Remedy& more) {
  for (const auto& step : more) {
    if (!std::holds_alternative<OtherWay>(step)) std::erase(remedy, step);
    remedy.push_back(step);
  }
}

}  // namespace vfio_switch
