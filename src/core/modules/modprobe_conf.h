// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message/remedy.h"
#include "core/modules/modprobe_rules.h"

namespace vfio_switch {

/// A module name as the kernel spells it: dashes become underscores.
[[nodiscard]] std::string module_name(std::string_view spelled);

/// One line of modprobe.d(5) that has a meaning, with where it stands.
struct ModprobeDirective {
  std::string command;  ///< "softdep", "options", "install", "blacklist", "alias", "remove", ...
  std::string subject;  ///< the module or wildcard, as written
  /// The rest of the line, trimmed. Of a softdep a single space stays in front: see parse_softdep.
  std::string arguments;
  std::string file;
  int line = 0;  ///< from 1; of a continued line, its first

  /// "/etc/modprobe.d/vfio.conf:3"
  [[nodiscard]] std::string where() const { return file + ":" + std::to_string(line); }
  [[nodiscard]] Place place() const { return {file, line}; }
  /// The line as it has its effect, for people: "options vfio-pci ids=10de:1ff2".
  [[nodiscard]] std::string str() const;
  /// True if the subject (a wildcard allowed) names `module`, dash and underscore alike.
  [[nodiscard]] bool is_about(std::string_view module) const;
  /// True if the subject is `module` itself: `options` and `blacklist` know no wildcards.
  [[nodiscard]] bool names(std::string_view module) const;

  bool operator==(const ModprobeDirective&) const = default;
};

/// A file of modprobe configuration.
struct ModprobeFile {
  std::string path;  ///< as seen inside the root
  std::string content;
  ModprobeRules rules = {};  ///< by which it is read

  bool operator==(const ModprobeFile&) const = default;
};

/// The lines of `file` as libkmod's config parser splits them (libkmod/libkmod-config.c): a
/// backslash at the end continues a line, also a comment; '#' counts only in the first column. One
/// that ends the file does as the file's rules say.
[[nodiscard]] std::vector<ModprobeDirective> parse_modprobe(const ModprobeFile& file);

/// What a `softdep` line asks for.
struct Softdep {
  std::vector<std::string> pre;
  std::vector<std::string> post;

  /// "pre: a b post: c"
  [[nodiscard]] std::string str() const;

  bool operator==(const Softdep&) const = default;
};

/// Parses the arguments of a `softdep` line; as in libkmod, words before "pre:" or "post:" are
/// ignored. Words are also split at commas: nvidia.ko carries "pre: ecdh_generic,ecdsa_generic",
/// which libkmod takes for the name of one module. A single space in front spoils the first word:
/// to libkmod `softdep nvidia  pre: vfio-pci`, with two blanks, asks for nothing (with three it is
/// what it looks like).
[[nodiscard]] Softdep parse_softdep(std::string_view arguments);

/// The line that libkmod would take for `module`: of all softdeps whose wildcard fits, the first;
/// the others are silently ignored (kmod_module_get_softdeps). Null where there is none.
[[nodiscard]] const ModprobeDirective* effective_softdep(
    const std::vector<ModprobeDirective>& directives, std::string_view module);

/// All lines of `files`, in order.
[[nodiscard]] std::vector<ModprobeDirective> parse_modprobe(const std::vector<ModprobeFile>& files);

/// Of all files in all directories, those that libkmod reads, in its order: of several with one
/// base name the first (`files` lists /etc before /run before /usr/local/lib before /lib), sorted
/// by base name. Several of its rules take the first line that matches, so that order decides.
/// Files that the rules leave out are none of them.
[[nodiscard]] std::vector<ModprobeFile> effective_modprobe(std::vector<ModprobeFile> files);

/// `files` as each release of kmod would read them that may be installed. Only where that is not
/// known, and a file is there that they read in different ways, there are several.
[[nodiscard]] std::vector<std::vector<ModprobeFile>> possible_readings(
    const std::vector<ModprobeFile>& files);

/// The first of `files` that releases of kmod read in different ways, where it is not known which
/// is installed; null where there is none.
[[nodiscard]] const ModprobeFile* read_by_unknown_rules(const std::vector<ModprobeFile>& files);

/// `files` as one text that means the same: none goes on in the next, whatever it ends with.
[[nodiscard]] std::string joined_modprobe(const std::vector<ModprobeFile>& files);

/// What `files` would be with `path`, a file in /etc, holding `content`, or with `path` gone.
[[nodiscard]] std::vector<ModprobeFile> with_file(std::vector<ModprobeFile> files,
                                                  const std::string& path,
                                                  const std::optional<std::string>& content);

/// Takes `line` out of a file of modprobe.d. A file of the distribution's is copied to /etc first,
/// where the copy counts instead: an upgrade of its package would bring the line back.
[[nodiscard]] Remedy without_line(const Place& place, std::string line);

}  // namespace vfio_switch
