// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/libkmod_reading.h"

#include <libkmod.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "system/modules/modprobe_config.h"

namespace vfio_switch {

namespace {

struct ContextCloser {
  void operator()(kmod_ctx* context) const { kmod_unref(context); }
};

struct IteratorCloser {
  void operator()(kmod_config_iter* iterator) const { kmod_config_iter_free_iter(iterator); }
};

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

/// One entry, spelled alike from both sides.
struct Entry {
  std::string key;
  std::string value;
  std::string file;  ///< of ours

  [[nodiscard]] bool same_as(const Entry& other) const {
    return key == other.key && value == other.value;
  }
  [[nodiscard]] std::string str() const { return printable(key) + " | " + printable(value); }
};
using Entries = std::array<std::vector<Entry>, kinds.size()>;

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

/// A value without what makes no difference. Only we split the lists of a softdep at commas, and
/// libkmod makes the tabs among options blanks.
std::string plain_value(std::string_view command, std::string_view value) {
  if (command == "softdep") {
    std::string words;
    for (const auto word : split_words(value, " ,")) {
      if (!words.empty()) words += ' ';
      words += word;
    }
    return words;
  }
  const auto first = value.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  std::string plain(value.substr(first, value.find_last_not_of(" \t") - first + 1));
  std::ranges::replace(plain, '\t', ' ');
  return plain;
}

/// True for a softdep with lists in several pieces: libkmod reads it as we do, but what it gives
/// back are the bytes from a list's first word to its last, those of the other list among them.
bool is_told_wrongly(const ModprobeDirective& directive) {
  if (directive.command != "softdep") return false;
  const auto words = split_words(directive.arguments, " \t\r\n\v\f");
  return std::ranges::count(words, "pre:") > 1 || std::ranges::count(words, "post:") > 1;
}

std::string value_of(const ModprobeDirective& directive) {
  if (directive.command == "blacklist") return {};
  if (directive.command == "alias") return underscores(split_words(directive.arguments).front());
  if (directive.command != "softdep") return directive.arguments;
  const auto [pre, post] = parse_softdep(directive.arguments);
  // libkmod puts no blank between the lists.
  return (pre.empty() ? "" : "pre: " + join(pre, " ")) +
         (post.empty() ? "" : "post: " + join(post, " "));
}

/// What libkmod reads from `paths`, or where it looks by itself.
Entries read_by_libkmod(const LibkmodPaths* paths) {
  std::vector<const char*> raw;
  if (paths != nullptr) {
    for (const auto& path : *paths) raw.push_back(path.c_str());
  }
  raw.push_back(nullptr);
  // No kernel's modules: their softdeps are no configuration.
  const std::unique_ptr<kmod_ctx, ContextCloser> context(
      kmod_new("/dev/null", paths == nullptr ? nullptr : raw.data()));
  Entries entries;
  if (!context) return entries;
  kmod_set_log_priority(context.get(), 0);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::unique_ptr<kmod_config_iter, IteratorCloser> iterator(
        kinds.at(i).iterate(context.get()));
    while (kmod_config_iter_next(iterator.get())) {
      const char* value = kmod_config_iter_get_value(iterator.get());
      entries.at(i).push_back({kmod_config_iter_get_key(iterator.get()),
                               plain_value(kinds.at(i).command, value == nullptr ? "" : value),
                               {}});
    }
  }
  return entries;
}

/// What stands at the end of each list, from the kernel command line of the running system.
const Entries& from_command_line() {
  static const Entries entries = [] {
    const LibkmodPaths none;
    return read_by_libkmod(&none);
  }();
  return entries;
}

/// The first entry that only one side has in its place.
struct Difference {
  std::optional<Entry> ours;
  std::optional<Entry> theirs;
  std::size_t kind = 0;
};

std::optional<Difference> find_difference(const std::vector<ModprobeDirective>& directives,
                                          const Entries& theirs) {
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const auto& told = theirs.at(kind);
    const auto count = told.size() - std::min(told.size(), from_command_line().at(kind).size());
    std::size_t at = 0;
    for (const auto& directive : directives) {
      if (directive.command != kinds.at(kind).command) continue;
      const Entry ours{underscores(directive.subject),
                       plain_value(directive.command, value_of(directive)), directive.file};
      if (at == count) return Difference{ours, std::nullopt, kind};
      const bool same =
          is_told_wrongly(directive) ? ours.key == told[at].key : ours.same_as(told[at]);
      if (!same) return Difference{ours, told[at], kind};
      ++at;
    }
    if (at < count) return Difference{std::nullopt, told[at], kind};
  }
  return std::nullopt;
}

/// The file among `paths` in which libkmod finds the entry.
std::optional<std::string> file_with(const Entry& entry, std::size_t kind,
                                     const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    const LibkmodPaths alone = {path};
    const auto found = read_by_libkmod(&alone);
    const auto same = [&](const Entry& one) { return one.same_as(entry); };
    if (std::ranges::any_of(found.at(kind), same)) return path;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> libkmod_difference(const std::vector<ModprobeDirective>& ours,
                                              const LibkmodPaths& paths) {
  const auto difference = find_difference(ours, read_by_libkmod(&paths));
  if (!difference) return std::nullopt;
  const auto told = [](const std::optional<Entry>& entry) {
    return entry ? entry->str() : std::string("nothing");
  };
  return std::string(kinds.at(difference->kind).command) + "\n ours:    " + told(difference->ours) +
         "\n libkmod: " + told(difference->theirs);
}

std::optional<std::string> file_read_differently(const FileReader& files,
                                                 const std::vector<ModprobeFile>& config) {
  const auto effective = effective_modprobe(config);
  const auto difference = find_difference(parse_modprobe(effective), read_by_libkmod(nullptr));
  if (!difference) return std::nullopt;
  const auto directories = modprobe_directories(files, {ModprobeRules::releases.back()});
  if (difference->theirs) {
    // Rather a file that we leave out than one that we read.
    std::vector<std::string> paths;
    for (const auto& directory : directories) {
      for (const auto& name : files.list(directory).value_or(std::vector<std::string>())) {
        const auto path = directory + "/" + name;
        const bool ours =
            std::ranges::find(effective, path, &ModprobeFile::path) != effective.end();
        const bool readable = files.read(path).value_or(std::nullopt).has_value();
        if (!ours && readable) paths.push_back(path);
      }
    }
    for (const auto& file : effective) paths.push_back(file.path);
    if (auto file = file_with(*difference->theirs, difference->kind, paths)) return file;
  }
  return difference->ours ? difference->ours->file : directories.front();
}

}  // namespace vfio_switch
