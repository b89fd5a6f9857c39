// SPDX-License-Identifier: GPL-3.0-or-later
#include "told.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "core/message/format.h"
#include "core/message/reason.h"
#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"
#include "core/tell/remedy_text.h"
#include "pseudo/pseudo_catalogue.h"

namespace vfio_switch::test {

namespace {

/// Of whatever a test makes a sentence: every datum stands in it.
void check_data(std::string_view name, const Template& text, const Data& data) {
  if (placeholders(text) == data.size()) return;
  throw std::logic_error(std::string(name) + " has " + std::to_string(data.size()) +
                         " data, and its sentence asks for " + std::to_string(placeholders(text)));
}

/// Of tests/pseudo/pseudo_catalogue.h; ' ' closes what is open.
constexpr std::array<std::pair<std::string_view, char>, 4> catalogue_marks = {
    {{"⟦", 'm'}, {"⟧", ' '}, {"⟨", 'd'}, {"⟩", ' '}}};

/// tests/run --pseudo asks for it.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables,cert-err58-cpp): before main()
const bool is_pseudo = [] {
  const bool asked = std::getenv("VFIO_SWITCH_PSEUDO") != nullptr;
  if (asked) speak(pseudo_translation);
  return asked;
}();

}  // namespace

unsigned placeholders(const Template& text) {
  unsigned most = 0;
  for (std::size_t i = 0; i + 2 < text.text.size(); ++i) {
    if (text.text[i] != '{' || text.text[i + 2] != '}') continue;
    most = std::max(most, static_cast<unsigned>(text.text[i + 1] - '0'));
  }
  return most;
}

std::string plain(std::string_view text) {
  std::string result;
  std::string word;
  std::string marks;  // that are open: 'm' a message, 'd' what stands in one
  const auto end_word = [&] {
    if (!marks.empty() && marks.back() == 'm') std::ranges::reverse(word);
    result += std::exchange(word, {});
  };
  while (!text.empty()) {
    const auto mark = std::ranges::find_if(
        catalogue_marks, [&](const auto& one) { return text.starts_with(one.first); });
    if (mark != catalogue_marks.end()) {
      end_word();
      text.remove_prefix(mark->first.size());
      if (mark->second == ' ') {
        marks.pop_back();
      } else {
        marks += mark->second;
      }
      continue;
    }
    const char c = text.front();
    text.remove_prefix(1);
    if (c != ' ' && c != '\n') {
      word += c;
      continue;
    }
    end_word();
    result += c;
  }
  end_word();
  return result;
}

std::string plain_table(std::string_view text) {
  auto table = plain(text);
  if (!is_pseudo) return table;
  const auto blanks =
      std::ranges::unique(table, [](char a, char b) { return a == ' ' && b == ' '; });
  table.erase(blanks.begin(), blanks.end());
  return table;
}

std::string text_of(const Refusal& refusal) {
  const auto& kind = kind_of(refusal.cause);
  check_data(kind.name, kind.text, refusal.data);
  return plain(refusal_text(refusal));
}

std::string text_of(const Note& note) {
  const auto& kind = kind_of(note.cause);
  check_data(kind.name, kind.text, note.data);
  return plain(note_text(note));
}

std::string text_of(const BootFinding& finding) {
  if (finding.refusal) return text_of(*finding.refusal);
  const auto& kind = kind_of(finding.cause);
  check_data(kind.name, kind.text, finding.data);
  return plain(boot_finding_text(finding));
}

std::string text_of(const std::optional<Reason>& reason) {
  if (!reason) return {};
  const auto& kind = kind_of(reason->cause);
  check_data(kind.name, kind.text, reason->data);
  return plain(reason_text(*reason));
}

std::string text_of(const Remedy& remedy) {
  return plain(remedy_lines(remedy, {}, {}));
}

Reason some_reason(std::string_view text) {
  return {ReasonCause::image_unreadable, {{"error", Word{std::string(text)}}}};
}

}  // namespace vfio_switch::test
