// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_default.h"

#include <algorithm>

namespace vfio_switch {

namespace {

struct Match {
  std::size_t index = 0;
  bool by_number = false;
  bool found = false;

  bool operator==(const Match&) const = default;
};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// The first part of a value, up to a lone '>', without its escapes; `rest` is what follows.
std::string first_part(std::string_view value, std::optional<std::string>& rest) {
  std::string part;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '>' && i + 1 < value.size() && value[i + 1] == '>') {
      ++i;
    } else if (value[i] == '>') {
      if (i + 1 < value.size()) rest = std::string(value.substr(i + 1));
      return part;
    }
    part += value[i];
  }
  return part;
}

template <class Field>
std::optional<std::size_t> find(const std::vector<GrubItem>& items, Field field) {
  const auto found = std::ranges::find_if(items, field);
  if (found == items.end()) return std::nullopt;
  return static_cast<std::size_t>(found - items.begin());
}

Match numbered(const std::vector<GrubItem>& items, unsigned long number) {
  // A number that is too large is the first entry.
  return {number < items.size() ? number : 0, true, number < items.size()};
}

Match match_upstream(const std::vector<GrubItem>& items, std::string_view value,
                     const std::string& part) {
  std::string_view rest;
  if (const auto number = grub_number(value, rest)) return numbered(items, *number);
  const auto index =
      find(items, [&](const GrubItem& item) { return item.title == part || item.id == part; });
  return index ? Match{*index, false, true} : Match{};
}

Match match_fedora(const std::vector<GrubItem>& items, std::string_view value,
                   const std::string& part) {
  const bool has_blank = std::ranges::any_of(value, is_blank);
  // An id ends at a blank, and a value that goes on behind it fits nothing.
  if (!has_blank && !part.empty()) {
    const auto index = find(items, [&](const GrubItem& item) { return item.id == part; });
    if (index) return {*index, false, true};
  }
  if (!part.empty()) {
    const auto index = find(items, [&](const GrubItem& item) { return item.title == part; });
    if (index) return {*index, false, true};
  }
  std::string_view rest;
  const auto number = grub_number(value, rest);
  if (number && rest.empty()) return numbered(items, *number);
  return {};
}

}  // namespace

GrubChoice choose_grub_item(const std::vector<GrubItem>& items, const GrubValues& value,
                            GrubVariant variant, bool is_incomplete) {
  GrubChoice choice;
  const auto fail = [&](BootUnknownCode code, std::string subject) {
    choice.index.reset();
    choice.why = BootUnknown{code, std::move(subject)};
    return choice;
  };
  const auto text = value.only();
  if (!text) return fail(BootUnknownCode::variable, "default");
  const auto part = first_part(*text, choice.inside);
  const auto upstream = match_upstream(items, *text, part);
  const auto fedora = match_fedora(items, *text, part);
  const auto match = variant == GrubVariant::upstream ? upstream : fedora;
  if (items.empty()) return fail(BootUnknownCode::missing, {});
  // Without a match the first entry starts, if nothing was missed that would have matched.
  const bool by_place = match.by_number || !match.found;
  if (by_place && is_incomplete) return fail(BootUnknownCode::limit, "the menu");
  const auto end = items.begin() + static_cast<std::ptrdiff_t>(match.index) + 1;
  const bool uncertain =
      by_place
          ? std::any_of(items.begin(), end, [](const GrubItem& item) { return item.is_uncertain; })
          : items[match.index].is_uncertain;
  if (uncertain) return fail(BootUnknownCode::condition, items[match.index].title);
  choice.index = match.index;
  return choice;
}

}  // namespace vfio_switch
