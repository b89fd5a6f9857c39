// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/line_diff.h"

#include <algorithm>
#include <vector>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

using Lines = std::vector<std::string_view>;

constexpr std::size_t context = 3;
constexpr std::size_t most_lines = 60;      // shown
constexpr std::size_t most_compared = 500;  // of each file: the table has a field for each pair

struct Step {
  char sign;  ///< ' ', '-' or '+'
  std::string_view line;
};

/// The steps from `a` to `b`, by their longest common subsequence.
std::vector<Step> steps(const Lines& a, const Lines& b) {
  const auto width = b.size() + 1;
  std::vector<unsigned> common((a.size() + 1) * width);  // of what follows a[i] and b[j]
  for (auto i = a.size(); i-- > 0;) {
    for (auto j = b.size(); j-- > 0;) {
      common[i * width + j] =
          a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                       : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  std::vector<Step> all;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      all.push_back({' ', a[i++]});
      ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      all.push_back({'-', a[i++]});
    } else {
      all.push_back({'+', b[j++]});
    }
  }
  return all;
}

Lines first_lines(std::string_view text) {
  auto lines = split_lines(text);
  if (lines.size() > most_compared) lines.resize(most_compared);
  return lines;
}

/// Tabs are common in configuration, and harmless.
std::string shown_line(const Step& step) {
  auto text = printable(step.line);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (step.line[i] == '\t') text[i] = '\t';
  }
  return step.sign + text + "\n";
}

/// "-3,7": where a hunk begins, and how many lines it has.
std::string range(char sign, std::size_t before, std::size_t count) {
  return sign + std::to_string(count == 0 ? before : before + 1) + "," + std::to_string(count);
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::string_view old_name,
                         std::string_view new_name) {
  const auto all = steps(first_lines(before), first_lines(after));
  const auto differs = [](const Step& step) { return step.sign != ' '; };
  if (std::ranges::none_of(all, differs)) return {};
  std::string text = "--- " + std::string(old_name) + "\n+++ " + std::string(new_name) + "\n";
  std::size_t shown = 0;
  std::size_t old_line = 0;
  std::size_t new_line = 0;
  auto at = all.begin();
  for (auto next = std::find_if(at, all.end(), differs); next != all.end();) {
    const auto from = next - std::min<std::ptrdiff_t>(context, next - at);
    // A hunk goes on as long as the next difference is near enough to share its context.
    auto to = next;
    for (bool is_near = true; is_near;) {
      to = std::find_if_not(next, all.end(), differs);
      next = std::find_if(to, all.end(), differs);
      is_near = next != all.end() && next - to <= static_cast<std::ptrdiff_t>(2 * context);
    }
    to += std::min<std::ptrdiff_t>(context, all.end() - to);
    old_line += static_cast<std::size_t>(from - at);
    new_line += static_cast<std::size_t>(from - at);
    const auto added = static_cast<std::size_t>(
        std::count_if(from, to, [](const Step& step) { return step.sign == '+'; }));
    const auto removed = static_cast<std::size_t>(
        std::count_if(from, to, [](const Step& step) { return step.sign == '-'; }));
    const auto length = static_cast<std::size_t>(to - from);
    text += "@@ " + range('-', old_line, length - added) + " " +
            range('+', new_line, length - removed) + " @@\n";
    for (auto step = from; step != to; ++step) {
      if (++shown > most_lines) return text + "(the rest is not shown)\n";
      text += shown_line(*step);
    }
    old_line += length - added;
    new_line += length - removed;
    at = to;
  }
  return text;
}

}  // namespace vfio_switch
