// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/manual_loaders.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/boot/boot_menu.h"
#include "core/boot/kernel_parameters.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

/// A command line within a line of a file.
struct Quoted {
  int number = 0;  ///< of the line
  std::string_view line;
  std::size_t begin = 0;
  std::size_t size = 0;

  [[nodiscard]] std::string_view command_line() const { return line.substr(begin, size); }
};

/// `cmdline: ...` and `kernel_cmdline: ...`; before version 8 `CMDLINE=...`.
std::optional<Quoted> limine_line(std::string_view line) {
  constexpr std::array<std::string_view, 4> keys = {
      "cmdline:", "kernel_cmdline:", "CMDLINE=", "KERNEL_CMDLINE="};
  const auto text = trim(line);
  const auto* key = std::ranges::find_if(keys, [&](auto one) { return text.starts_with(one); });
  if (key == keys.end()) return std::nullopt;
  const auto value = trim(text.substr(key->size()));
  if (value.empty()) return std::nullopt;
  return Quoted{0, line, static_cast<std::size_t>(value.data() - line.data()), value.size()};
}

/// `"title" "command line"`, but for those that are there for repairs.
std::optional<Quoted> refind_line(std::string_view line) {
  if (trim(line).starts_with('#')) return std::nullopt;
  std::array<std::size_t, 4> quotes{};
  std::size_t from = 0;
  for (auto& quote : quotes) {
    quote = line.find('"', from);
    if (quote == std::string_view::npos) return std::nullopt;
    from = quote + 1;
  }
  const Quoted quoted{0, line, quotes[2] + 1, quotes[3] - quotes[2] - 1};
  BootEntry entry;
  entry.kernel.emplace();  // the one that lies beside the file
  entry.title = line.substr(quotes[0] + 1, quotes[1] - quotes[0] - 1);
  entry.command_line = quoted.command_line();
  if (kind_of(entry) == EntryKind::rescue) return std::nullopt;
  return quoted;
}

template <class Parse>
std::vector<Quoted> command_lines(std::string_view text, Parse parse) {
  std::vector<Quoted> found;
  int number = 0;
  for (const auto line : split_lines(text)) {
    ++number;
    if (auto quoted = parse(line)) {
      quoted->number = number;
      found.push_back(*quoted);
    }
  }
  return found;
}

bool all_have(const std::vector<Quoted>& lines, std::string_view parameter) {
  return !lines.empty() && std::ranges::all_of(lines, [&](const Quoted& line) {
    return has_parameter(line.command_line(), parameter);
  });
}

/// What a line has to become.
std::string changed(const Quoted& quoted, const Parameters& add, const Parameters& drop) {
  std::string command_line(quoted.command_line());
  for (const auto& parameter : drop) command_line = remove_parameter(command_line, parameter);
  for (const auto& parameter : add) {
    if (has_parameter(command_line, parameter)) continue;
    command_line = add_parameter(command_line, parameter).value_or(command_line);
  }
  std::string line(quoted.line);
  line.replace(quoted.begin, quoted.size, command_line);
  return std::string(trim(line));
}

/// The parameters that a person adds and removes where that is all that is known.
Remedy in_settings(const Parameters& add, const Parameters& drop) {
  Remedy steps;
  if (!add.empty()) {
    steps.emplace_back(Manual{ByHand::add_to_boot_loader, {{"parameters", parameters_of(add)}}});
  }
  if (!drop.empty()) {
    steps.emplace_back(
        Manual{ByHand::remove_from_boot_loader, {{"parameters", parameters_of(drop)}}});
  }
  return steps;
}

Reason by_hand(const char* loader, const std::string& file) {
  return {ReasonCause::loader_by_hand, {{"loader", Word{loader}}, {"file", Place{file}}}};
}

Obstacle lines_obstacle(const char* name, const std::string& file, const std::vector<Quoted>& lines,
                        const Parameters& add, const Parameters& drop) {
  Obstacle found{by_hand(name, file)};
  for (const auto& line : lines) {
    auto to = changed(line, add, drop);
    if (to == trim(line.line)) continue;
    found.remedy.emplace_back(
        Edit{{file, line.number}, std::string(trim(line.line)), std::move(to)});
  }
  if (found.remedy.empty()) found.remedy = in_settings(add, drop);
  return found;
}

}  // namespace

Obstacle obstacle(const Bootc& /*loader*/, const std::vector<std::string>& add,
                  const std::vector<std::string>& drop) {
  Obstacle found{ReasonCause::image_decides, in_settings({}, drop)};
  if (add.empty()) return found;
  // Its build puts this file there, and `bootc upgrade` applies what is new in it.
  const Place file{"/usr/lib/bootc/kargs.d/50-vfio-switch.toml"};
  found.remedy.emplace_back(Edit{file, "", "kargs = [\"" + join(add, "\", \"") + "\"]"});
  found.remedy.emplace_back(Run{{{"bootc", "upgrade"}}, true});
  return found;
}

Obstacle obstacle(const Limine& loader, const std::vector<std::string>& add,
                  const std::vector<std::string>& drop) {
  return lines_obstacle("Limine", loader.file, command_lines(loader.text, limine_line), add, drop);
}

Obstacle obstacle(const Refind& loader, const std::vector<std::string>& add,
                  const std::vector<std::string>& drop) {
  return lines_obstacle("rEFInd", loader.file, command_lines(loader.text, refind_line), add, drop);
}

Obstacle obstacle(const UnknownLoader& loader, const std::vector<std::string>& add,
                  const std::vector<std::string>& drop) {
  return {loader.why, in_settings(add, drop)};
}

bool limine_has(std::string_view text, std::string_view parameter) {
  return all_have(command_lines(text, limine_line), parameter);
}

bool refind_has(std::string_view text, std::string_view parameter) {
  return all_have(command_lines(text, refind_line), parameter);
}

}  // namespace vfio_switch
