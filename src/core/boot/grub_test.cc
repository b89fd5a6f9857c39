// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_test.h"

#include <array>
#include <charconv>
#include <cstddef>

namespace vfio_switch {

namespace {

constexpr int deepest = 64;

GrubTruth truth(bool holds) {
  return holds ? GrubTruth::yes : GrubTruth::no;
}

GrubTruth both(GrubTruth left, GrubTruth right) {
  if (left == GrubTruth::no || right == GrubTruth::no) return GrubTruth::no;
  return left == GrubTruth::yes ? right : left;
}

GrubTruth either(GrubTruth left, GrubTruth right) {
  return negated(both(negated(left), negated(right)));
}

long signed_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::string_view rest;
  const auto number = static_cast<long>(grub_number(text, rest).value_or(0));
  return negative ? -number : number;
}

/// The comparison `left operator right`; nothing where `name` is no such operator.
std::optional<GrubTruth> compare(const std::string& left, std::string_view name,
                                 const std::string& right) {
  if (name == "=" || name == "==") return truth(left == right);
  if (name == "!=") return truth(left != right);
  if (name == "<") return truth(left < right);
  if (name == "<=") return truth(left <= right);
  if (name == ">") return truth(left > right);
  if (name == ">=") return truth(left >= right);
  const auto a = signed_number(left);
  const auto b = signed_number(right);
  if (name == "-eq") return truth(a == b);
  if (name == "-ne") return truth(a != b);
  if (name == "-lt") return truth(a < b);
  if (name == "-le") return truth(a <= b);
  if (name == "-gt") return truth(a > b);
  if (name == "-ge") return truth(a >= b);
  if (name == "-pgt" || name == "-plt" || name.starts_with("-nt") || name.starts_with("-ot")) {
    return GrubTruth::unknown;
  }
  return std::nullopt;
}

class Evaluation {
 public:
  Evaluation(const std::vector<std::string>& arguments, const GrubFileTest& file)
      : arguments_(arguments), file_(file) {}

  GrubTruth run(int depth) {
    auto all = GrubTruth::yes;
    auto any = GrubTruth::no;
    bool inverted = false;
    const auto add = [&](GrubTruth value) {
      all = both(all, inverted ? negated(value) : value);
      inverted = false;
    };
    while (at_ < arguments_.size()) {
      if (at_ + 2 < arguments_.size()) {
        if (const auto value = compare(arguments_[at_], arguments_[at_ + 1], arguments_[at_ + 2])) {
          add(*value);
          at_ += 3;
          continue;
        }
      }
      if (at_ + 1 < arguments_.size()) {
        if (const auto value = unary()) {
          add(*value);
          at_ += 2;
          continue;
        }
      }
      const auto& word = arguments_[at_++];
      if (word == ")") break;
      if (word == "(") {
        add(depth < deepest ? run(depth + 1) : GrubTruth::unknown);
      } else if (word == "!") {
        inverted = !inverted;
      } else if (word == "-o") {
        any = either(any, all);
        all = GrubTruth::yes;
      } else if (word != "-a") {
        add(truth(!word.empty()));
      }
    }
    return either(any, all);
  }

 private:
  std::optional<GrubTruth> unary() {
    const auto& name = arguments_[at_];
    const auto& value = arguments_[at_ + 1];
    if (name == "-n") return truth(!value.empty());
    if (name == "-z") return truth(value.empty());
    if (name == "-d" || name == "-e" || name == "-f" || name == "-s") return file_(name[1], value);
    return std::nullopt;
  }

  const std::vector<std::string>& arguments_;
  const GrubFileTest& file_;
  std::size_t at_ = 0;
};

}  // namespace

GrubTruth grub_test(std::vector<std::string> arguments, const GrubFileTest& file) {
  if (!arguments.empty() && arguments.back() == "]") arguments.pop_back();
  // Without a condition GRUB's loop leaves "and" true, so that `[ ]` holds.
  return Evaluation(arguments, file).run(0);
}

std::optional<unsigned long> grub_number(std::string_view text, std::string_view& rest) {
  rest = text;
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    base = 8;
  }
  unsigned long number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return std::nullopt;
  rest = text.substr(static_cast<std::size_t>(stop - text.data()));
  return number;
}

}  // namespace vfio_switch
