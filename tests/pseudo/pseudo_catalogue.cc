// SPDX-License-Identifier: GPL-3.0-or-later
#include "pseudo/pseudo_catalogue.h"

#include <algorithm>
#include <string_view>

namespace vfio_switch {

namespace {

/// A placeholder, "{1}", at the front of `text`.
bool starts_with_placeholder(std::string_view text) {
  return text.size() >= 3 && text[0] == '{' && text[1] >= '1' && text[1] <= '9' && text[2] == '}';
}

}  // namespace

std::string pseudo_translation(const Template& sentence, unsigned long count) {
  const bool plural = count != 1 && !sentence.plural.empty();
  auto text = plural ? sentence.plural : sentence.text;
  std::string translation = "⟦";
  while (!text.empty()) {
    if (starts_with_placeholder(text)) {
      translation += "⟨" + std::string(text.substr(0, 3)) + "⟩";
      text.remove_prefix(3);
      continue;
    }
    std::size_t length = 0;
    while (length < text.size() && text[length] != ' ' &&
           !starts_with_placeholder(text.substr(length))) {
      ++length;
    }
    std::string word(text.substr(0, std::max<std::size_t>(length, 1)));
    std::ranges::reverse(word);
    translation += word;
    text.remove_prefix(word.size());
  }
  return translation + "⟧";
}

}  // namespace vfio_switch
