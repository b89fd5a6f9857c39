// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/manual_loaders.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "core/base/text.h"
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

/// `"title" "command line"`.
std::optional<Quoted> refind_line(std::string_view line) {
  if (trim(line).starts_with('#')) return std::nullopt;
  std::array<std::size_t, 4> quotes{};
  std::size_t from = 0;
  for (auto& quote : quotes) {
    quote = line.find('"', from);
    if (quote == std::string_view::npos) return std::nullopt;
    from = quote + 1;
  }
  return Quoted{0, line, quotes[2] + 1, quotes[3] - quotes[2] - 1};
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

std::string what(const Parameters& add, const Parameters& drop) {
  if (drop.empty()) return "add " + join(add, " ");
  return (add.empty() ? "" : "add " + join(add, " ") + " and ") + "remove " + join(drop, " ");
}

std::string lines_advice(std::string_view name, const std::string& file,
                         const std::vector<Quoted>& lines, const Parameters& add,
                         const Parameters& drop) {
  const auto head = std::string(name) + " passes the kernel's command line: ";
  if (lines.empty()) return head + what(add, drop) + " in " + file;
  std::vector<std::string> others;
  for (const auto& line : lines) {
    if (line.number != lines.front().number) others.push_back(std::to_string(line.number));
  }
  return head + "line " + std::to_string(lines.front().number) + " of " + file +
         " has to become '" + changed(lines.front(), add, drop) + "'" +
         (others.empty() ? "" : ", and line " + enumerate(others) + " likewise");
}

}  // namespace

std::string advice(const Kernelstub& loader, const std::vector<std::string>& add,
                   const std::vector<std::string>& drop) {
  std::string command = "kernelstub";
  if (!add.empty()) command += " --add-options \"" + join(add, " ") + "\"";
  if (!drop.empty()) command += " --delete-options \"" + join(drop, " ") + "\"";
  return "kernelstub passes the kernel's command line (" + loader.file + "): run '" + command + "'";
}

std::string advice(const Limine& loader, const std::vector<std::string>& add,
                   const std::vector<std::string>& drop) {
  return lines_advice("Limine", loader.file, command_lines(loader.text, limine_line), add, drop);
}

std::string advice(const Refind& loader, const std::vector<std::string>& add,
                   const std::vector<std::string>& drop) {
  return lines_advice("rEFInd", loader.file, command_lines(loader.text, refind_line), add, drop);
}

std::string advice(const UnknownLoader& loader, const std::vector<std::string>& add,
                   const std::vector<std::string>& drop) {
  return (loader.why.empty() ? "no known boot loader is found" : loader.why) + ": " +
         what(add, drop) + " where it keeps the kernel's command line, the one with root=";
}

bool limine_has(std::string_view text, std::string_view parameter) {
  return all_have(command_lines(text, limine_line), parameter);
}

bool refind_has(std::string_view text, std::string_view parameter) {
  return all_have(command_lines(text, refind_line), parameter);
}

}  // namespace vfio_switch
