// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/message/format.h"

#include <cstddef>
#include <stdexcept>

#include "core/base/text.h"
#include "core/message/reason.h"

namespace vfio_switch {

namespace {

std::string untranslated(const Template& sentence, unsigned long count) {
  const bool plural = count != 1 && !sentence.plural.empty();
  return std::string(plural ? sentence.plural : sentence.text);
}

Translate& translator() {
  static Translate current = untranslated;
  return current;
}

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

/// A sentence stays one that can be read: of many devices, quotations or reasons the first are
/// enough. Programs get all.
constexpr std::size_t most_shown = 4;

bool may_be_many(const Item& item) {
  return std::holds_alternative<Occupant>(item) || std::holds_alternative<Quotation>(item) ||
         std::holds_alternative<Reason>(item);
}

std::string datum_text(const Datum& datum, Conjunction conjunction) {
  std::vector<std::string> texts;
  for (const auto& item : datum.items) {
    if (texts.size() == most_shown && may_be_many(item)) {
      texts.push_back(std::to_string(datum.items.size() - most_shown) + " more");
      break;
    }
    texts.push_back(item_text(item));
  }
  return enumerate(texts, conjunction);
}

unsigned long count_of(const Template& sentence, const Data& data) {
  if (sentence.counted == 0) return 1;
  const auto& datum = data.at(sentence.counted - 1);
  if (datum.is_list) return datum.items.size();
  const auto* count = std::get_if<Count>(&datum.items.at(0));
  return count == nullptr ? 1 : static_cast<unsigned long>(count->value);
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// A command inside a sentence. One that has single quotes itself is set in double ones, so that
/// what is copied from in between works.
std::string quoted(const std::string& command) {
  const auto* const quote = command.find('\'') == std::string::npos ? "'" : "\"";
  return quote + command + quote;
}

}  // namespace

void speak(Translate translate) {
  translator() = translate;
}

std::string command_text(const Command& command) {
  std::vector<std::string> words;
  for (const auto& argument : command.arguments) words.push_back(shell_word(argument));
  return printable(join(words, " "));
}

std::string item_text(const Item& item) {
  return std::visit(
      Overloaded{
          [](const PciAddress& address) { return address.str(); },
          [](const PciId& id) { return id.str(); },
          [](const Count& count) { return std::to_string(count.value); },
          [](const Occupant& occupant) {
            return occupant.address.str() + " (" + occupant.driver.value_or("no driver") + ")";
          },
          [](const Place& place) { return printable(place.str()); },
          [](const Command& command) { return quoted(command_text(command)); },
          [](const Package& package) { return printable(package.name); },
          [](const Reason& reason) { return format(kind_of(reason.cause).text, reason.data); },
          [](const auto& text) { return printable(text.text); },
      },
      item);
}

bool fits(const Template& sentence, const Data& data) {
  for (const auto text : {sentence.text, sentence.plural}) {
    for (std::size_t i = 0; i + 2 < text.size(); ++i) {
      const bool placeholder = text[i] == '{' && text[i + 2] == '}';
      if (placeholder && static_cast<std::size_t>(text[i + 1] - '0') > data.size()) return false;
    }
  }
  return sentence.counted <= data.size();
}

std::string format(const Template& sentence, const Data& data) {
  const auto text = translator()(sentence, count_of(sentence, data));
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool placeholder = text[i] == '{' && i + 2 < text.size() && text[i + 2] == '}' &&
                             text[i + 1] >= '1' && text[i + 1] <= '9';
    if (!placeholder) {
      result += text[i];
      continue;
    }
    const auto index = static_cast<std::size_t>(text[i + 1] - '1');
    if (index >= data.size()) throw std::logic_error("no datum for a placeholder: " + text);
    result += datum_text(data[index], sentence.conjunction);
    i += 2;
  }
  return result;
}

}  // namespace vfio_switch
