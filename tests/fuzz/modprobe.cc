// SPDX-License-Identifier: GPL-3.0-or-later
// modprobe.d(5): what our parser makes of a text, and what libkmod makes of the same text.
#include "core/modules/modprobe_conf.h"

#include <libkmod.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/modules/install_command.h"
#include "core/modules/vfio_ids.h"
#include "fuzz.h"
#include "system/process/unique_fd.h"

namespace {

using vfio_switch::ModprobeDirective;
using vfio_switch::UniqueFd;
using vfio_switch::fuzz::expect;

struct ContextCloser {
  void operator()(kmod_ctx* context) const { kmod_unref(context); }
};

/// One entry, spelled alike from both sides.
using Entries = std::vector<std::string>;

std::string underscores(std::string_view spelled) {
  std::string name;
  bool in_brackets = false;
  for (const char c : spelled) {
    if (c == '[') in_brackets = true;
    if (c == ']') in_brackets = false;
    name += c == '-' && !in_brackets ? '_' : c;
  }
  return name;
}

/// A directive's arguments as libkmod gives them back: without the blanks round them; of a softdep
/// the two lists, run together.
std::string value_of(const ModprobeDirective& directive) {
  if (directive.command == "blacklist") return {};
  if (directive.command == "alias") {
    return underscores(vfio_switch::split_words(directive.arguments).front());
  }
  if (directive.command != "softdep") return directive.arguments;
  const auto [pre, post] = vfio_switch::parse_softdep(directive.arguments);
  return (pre.empty() ? "" : "pre: " + vfio_switch::join(pre, " ")) +
         (post.empty() ? "" : "post: " + vfio_switch::join(post, " "));
}

std::string_view without_blanks(std::string_view value) {
  const auto first = value.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return value.substr(first, value.find_last_not_of(" \t") - first + 1);
}

/// True for a softdep with lists in several pieces: libkmod reads it as we do, but what it gives
/// back are the bytes from a list's first word to its last, those of the other list among them.
bool is_told_wrongly(const ModprobeDirective& directive) {
  if (directive.command != "softdep") return false;
  const auto words = vfio_switch::split_words(directive.arguments, " \t\r\n\v\f");
  return std::ranges::count(words, "pre:") > 1 || std::ranges::count(words, "post:") > 1;
}

/// libkmod makes the tabs among options blanks.
std::string entry(std::string_view subject, std::string_view value) {
  std::string blanks(value);
  std::ranges::replace(blanks, '\t', ' ');
  return vfio_switch::printable(subject) + " | " + vfio_switch::printable(blanks);
}

struct Kind {
  std::string_view command;
  kmod_config_iter* (*iterate)(const kmod_ctx*);
};
constexpr std::array<Kind, 6> kinds = {{{"softdep", kmod_config_get_softdeps},
                                        {"alias", kmod_config_get_aliases},
                                        {"options", kmod_config_get_options},
                                        {"install", kmod_config_get_install_commands},
                                        {"blacklist", kmod_config_get_blacklists},
                                        {"remove", kmod_config_get_remove_commands}}};

Entries of_libkmod(kmod_ctx* context, const Kind& kind) {
  Entries entries;
  kmod_config_iter* iterator = kind.iterate(context);
  while (kmod_config_iter_next(iterator)) {
    const char* value = kmod_config_iter_get_value(iterator);
    entries.push_back(
        entry(kmod_config_iter_get_key(iterator), without_blanks(value == nullptr ? "" : value)));
  }
  kmod_config_iter_free_iter(iterator);
  return entries;
}

std::unique_ptr<kmod_ctx, ContextCloser> read_by_libkmod(const UniqueFd& file) {
  const auto path = "/proc/self/fd/" + std::to_string(file.get());
  const std::array<const char*, 2> paths = {path.c_str(), nullptr};
  std::unique_ptr<kmod_ctx, ContextCloser> context(kmod_new("/nonexistent", paths.data()));
  expect(context != nullptr, "libkmod cannot be used");
  kmod_set_log_priority(context.get(), 0);
  return context;
}

/// What libkmod takes from the command line of the machine that runs this.
const Entries& from_command_line(const Kind& kind) {
  static const auto all = [] {
    std::array<Entries, kinds.size()> found;
    const UniqueFd empty(::memfd_create("empty", MFD_CLOEXEC));
    const auto context = read_by_libkmod(empty);
    for (std::size_t i = 0; i < kinds.size(); ++i)
      found.at(i) = of_libkmod(context.get(), kinds.at(i));
    return found;
  }();
  return all.at(static_cast<std::size_t>(&kind - kinds.data()));
}

void compare(kmod_ctx* context, const std::vector<ModprobeDirective>& directives) {
  for (const auto& kind : kinds) {
    Entries ours;
    for (const auto& directive : directives) {
      if (directive.command != kind.command) continue;
      if (is_told_wrongly(directive)) return;
      ours.push_back(entry(underscores(directive.subject), value_of(directive)));
    }
    auto theirs = of_libkmod(context, kind);
    for (const auto& own : from_command_line(kind)) {
      const auto found = std::ranges::find(theirs, own);
      if (found != theirs.end()) theirs.erase(found);
    }
    expect(ours == theirs, kind.command,
           "\n ours:   " + vfio_switch::join(ours, "\n         ") +
               "\n libkmod: " + vfio_switch::join(theirs, "\n         "));
  }
}

/// A directive as a line, which is then read as the same directive.
void check_rendering(const std::vector<ModprobeDirective>& directives) {
  vfio_switch::ModprobeFile file{"/etc/modprobe.d/fuzz.conf", {}};
  for (const auto& directive : directives) {
    // What a backslash had joined cannot be written on one line.
    std::string line = directive.command + " " + directive.subject +
                       (directive.arguments.empty() ? "  " : " ") + directive.arguments;
    if (directive.command.starts_with('#')) line.insert(0, " ");
    for (const char c : line) {
      if (c == '\\' || c == '\n') file.content += '\\';
      file.content += c;
    }
    file.content += '\n';
  }
  const auto again = vfio_switch::parse_modprobe(file);
  expect(again.size() == directives.size(), "as many lines when rendered", file.content);
  for (std::size_t i = 0; i < again.size(); ++i) {
    expect(again[i].command == directives[i].command && again[i].subject == directives[i].subject &&
               again[i].arguments == directives[i].arguments,
           "the same when rendered", file.content);
    expect(i == 0 || directives[i - 1].line < directives[i].line, "lines ascend");
  }
}

}  // namespace

FUZZ(text) {
  const vfio_switch::ModprobeFile file{"/etc/modprobe.d/fuzz.conf", std::string(text)};
  const auto directives = vfio_switch::parse_modprobe(file);
  check_rendering(directives);
  for (const auto& directive : directives) {
    const auto softdep = vfio_switch::parse_softdep(directive.arguments);
    expect(vfio_switch::parse_softdep(softdep.str()) == softdep, "a softdep reads as it prints");
    (void)vfio_switch::parse_install_command(directive.arguments);
    (void)directive.is_about("nvidia");
  }
  (void)vfio_switch::ids_of_modprobe(directives);
  (void)vfio_switch::effective_softdep(directives, "nvidia");

  // Only we split the lists of a softdep at commas.
  auto common = file;
  std::ranges::replace(common.content, ',', ';');
  const UniqueFd memory(::memfd_create("modprobe.d", MFD_CLOEXEC));
  expect(::write(memory.get(), common.content.data(), common.content.size()) ==
             static_cast<ssize_t>(common.content.size()),
         "the text can be written");
  compare(read_by_libkmod(memory).get(), vfio_switch::parse_modprobe(common));
}
