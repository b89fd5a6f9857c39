// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/adoption.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/files/kept_lines.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

/// The modules that guides for the softdep method load.
bool is_vfio_module(std::string_view name) {
  static const std::set<std::string, std::less<>> modules = {"vfio", "vfio_pci", "vfio_pci_core",
                                                             "vfio_iommu_type1", "vfio_virqfd"};
  return modules.contains(module_name(name));
}

constexpr std::string_view card_comment = "#   ";
constexpr std::array<std::string_view, 3> own_comments = {
    "# GPU passthrough: ", "# One boot without it: ", "# Kept by vfio-switch: "};

/// Takes a line as libkmod joins it off `text`, with its line ends.
std::string_view take_line(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
  const auto line = text.substr(0, std::min(end + 1, text.size()));
  text.remove_prefix(line.size());
  return line;
}

std::optional<ModprobeDirective> directive_of(std::string_view line) {
  auto found = parse_modprobe(ModprobeFile{std::string(vfio_conf_path), std::string(line)});
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

/// What ends in a backslash would take in the line that comes behind it, and a NUL hides what
/// follows.
bool is_whole(std::string_view content) {
  return !content.ends_with('\\') && !content.ends_with("\\\n") && !content.contains('\0');
}

/// Of a file of the program's whose digest somebody took away.
bool is_own_comment(std::string_view line) {
  if (line.starts_with(card_comment)) {
    const auto words = split_words(line.substr(card_comment.size()));
    return words.size() == 2 && PciAddress::parse(words.front());
  }
  return std::ranges::any_of(own_comments, [&](auto start) { return line.starts_with(start); });
}

bool is_ids(std::string_view word) {
  return word.starts_with("ids=");
}

class Sorting {
 public:
  Sorting(const std::set<std::string>& claimants, const std::set<PciId>& ids)
      : claimants_(claimants), ids_(ids) {}

  /// `above` are the lines in front of `text`.
  ForeignLines run(std::string_view above, std::string_view text) {
    lines_.in_place.append(static_cast<std::size_t>(std::ranges::count(above, '\n')), '\n');
    while (!text.empty()) {
      const auto line = take_line(text);
      keep(line, what_stays(line));
    }
    if (trim(lines_.kept).empty()) lines_.kept.clear();
    lines_.directives = parse_modprobe(ModprobeFile{std::string(vfio_conf_path), lines_.in_place});
    return std::move(lines_);
  }

 private:
  /// Nothing where the whole line goes.
  [[nodiscard]] std::optional<std::string> what_stays(std::string_view line) const {
    if (line.starts_with('#')) {
      if (is_own_comment(line) || is_commented_out(line)) return std::nullopt;
      return std::string(line);
    }
    const auto directive = directive_of(line);
    if (!directive) return std::string(line);
    if (is_own_softdep(*directive)) return std::nullopt;
    return is_about_ids(*directive) ? without_ids(*directive) : std::string(line);
  }

  [[nodiscard]] bool is_own_softdep(const ModprobeDirective& line) const {
    if (line.command != "softdep" || !claimants_.contains(module_name(line.subject))) return false;
    const auto softdep = parse_softdep(line.arguments);
    return !softdep.pre.empty() && softdep.post.empty() &&
           std::ranges::all_of(softdep.pre, is_vfio_module);
  }

  [[nodiscard]] static bool is_about_ids(const ModprobeDirective& line) {
    return line.command == "options" && line.names("vfio_pci") &&
           std::ranges::any_of(split_words(line.arguments), is_ids);
  }

  [[nodiscard]] static std::optional<std::string> without_ids(const ModprobeDirective& line) {
    std::vector<std::string> words = {line.command, line.subject};
    for (const auto word : split_words(line.arguments)) {
      if (!is_ids(word)) words.emplace_back(word);
    }
    return words.size() == 2 ? std::nullopt : std::optional(join(words, " ") + "\n");
  }

  /// A set-up of the same card that somebody, or an older tool, switched off.
  [[nodiscard]] bool is_commented_out(std::string_view line) const {
    line.remove_prefix(std::min(line.find_first_not_of("# \t"), line.size()));
    const auto directive = directive_of(line);
    if (!directive) return false;
    if (is_own_softdep(*directive)) return true;
    return is_about_ids(*directive) && !without_ids(*directive) &&
           VfioIds(ids_).cover(*ids_option(directive->arguments));
  }

  void keep(std::string_view line, const std::optional<std::string>& stays) {
    if (stays) {
      lines_.kept += *stays;
      lines_.in_place += *stays;
    }
    // A last line without an end gets one: others come behind it.
    if (stays && !stays->ends_with('\n')) lines_.kept += '\n';
    const auto given = std::ranges::count(line, '\n');
    const auto taken = stays ? std::ranges::count(*stays, '\n') : 0;
    if (given > taken) lines_.in_place.append(static_cast<std::size_t>(given - taken), '\n');
  }

  const std::set<std::string>& claimants_;
  const std::set<PciId>& ids_;
  ForeignLines lines_;
};

}  // namespace

bool is_adoptable(std::string_view path, std::string_view content) {
  if (is_sealed(content)) return false;  // and edited since
  if (path == modules_load_path) {
    return std::ranges::all_of(split_lines(content), [](std::string_view raw) {
      const auto line = trim(raw);
      return line.empty() || line.front() == '#' || line.front() == ';' || is_vfio_module(line);
    });
  }
  return path == vfio_conf_path && is_whole(content);
}

ForeignLines foreign_lines(std::string_view content, const std::set<std::string>& claimants,
                           const std::set<PciId>& ids) {
  const auto text = is_sealed(content) ? kept_part(content) : content;
  if (text.empty() || !is_whole(text)) return {};
  const auto above = content.substr(0, static_cast<std::size_t>(text.data() - content.data()));
  return Sorting(claimants, ids).run(above, text);
}

}  // namespace vfio_switch
