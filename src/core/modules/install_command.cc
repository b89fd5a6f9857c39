// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/install_command.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

/// Options that change nothing about which modules are loaded, or in which order.
bool is_harmless_option(std::string_view word) {
  constexpr std::array<std::string_view, 10> options = {
      "-q", "--quiet", "-b", "--use-blacklist", "-v", "--verbose", "-a", "--all", "-s", "--syslog"};
  return is_one_of(word, options);
}

bool does_nothing(std::string_view word) {
  constexpr std::array<std::string_view, 7> words = {
      "true", "false", ":", "/bin/true", "/bin/false", "/usr/bin/true", "/usr/bin/false"};
  return is_one_of(word, words);
}

bool is_modprobe(std::string_view word) {
  return word == "modprobe" || word.ends_with("/modprobe");
}

/// What the shell would have to work out first.
bool needs_shell(std::string_view word) {
  return word.find_first_of("$`\"'*?[<>()\\") != std::string_view::npos;
}

/// Reads the words behind one `modprobe`; false where one is not understood.
bool take_argument(std::string_view word, ModprobeCall& call) {
  if (word == "-i" || word == "--ignore-install") {
    call.ignore_install = true;
    return true;
  }
  if (word.starts_with('-')) return is_harmless_option(word);
  const bool option = word.starts_with('$') || word.find('=') != std::string_view::npos;
  if (option || !call.name.empty()) return true;  // what stands behind the name is for the module
  if (needs_shell(word)) return false;
  call.name = word;
  return true;
}

}  // namespace

std::optional<std::vector<ModprobeCall>> parse_install_command(std::string_view command) {
  std::string separated;
  for (const char c : command) {
    const bool ends_command = c == ';' || c == '&' || c == '|' || c == '\n';
    separated += ends_command ? std::string(" ; ") : std::string(1, c);
  }
  std::vector<ModprobeCall> calls;
  bool in_modprobe = false;
  for (const auto word : split_words(separated)) {
    if (word == ";" || word == "{" || word == "}") {
      in_modprobe = false;
    } else if (in_modprobe) {
      if (!take_argument(word, calls.back())) return std::nullopt;
    } else if (word == bind_path) {
      calls.push_back({"vfio-pci", true});
      in_modprobe = true;
    } else if (is_modprobe(word)) {
      calls.emplace_back();
      in_modprobe = true;
    } else if (!does_nothing(word)) {
      return std::nullopt;
    }
  }
  std::erase_if(calls, [](const ModprobeCall& call) { return call.name.empty(); });
  return calls;
}

}  // namespace vfio_switch
