// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "rounds.h"

namespace vfio_switch::test {

/// Makes up text from pieces that mean something to its reader, and from bytes that do not.
class RandomText {
 public:
  explicit RandomText(std::uint32_t seed) : random_(seed) {}

  std::string of(const std::vector<std::string_view>& pieces) {
    std::string text;
    const auto count = number(24);
    for (std::size_t i = 0; i < count; ++i) {
      if (number(12) == 0) {
        text += static_cast<char>(number(256));
      } else {
        text += pieces[number(pieces.size())];
      }
    }
    return text;
  }

 private:
  std::size_t number(std::size_t below) { return random_() % below; }

  std::mt19937 random_;
};

using Add = std::function<std::optional<std::string>(std::string_view, std::string_view)>;
using Remove = std::function<std::string(std::string_view, std::string_view)>;

/// Of 30000 texts that lack the parameters, how many could be edited.
inline std::uint32_t check_round_trips(
    const std::vector<std::string_view>& pieces, const Add& add, const Remove& remove,
    const std::function<bool(std::string_view, std::string_view)>& has) {
  constexpr std::uint32_t all = 30000;
  const auto tried = rounds(all);
  constexpr std::string_view on = "intel_iommu=on";
  constexpr std::string_view pt = "iommu=pt";
  std::uint32_t edited = 0;
  for (std::uint32_t seed = 0; seed < tried; ++seed) {
    const auto text = RandomText(seed).of(pieces);
    const auto once = add(text, on);
    if (!once) continue;
    ++edited;
    CAPTURE(seed, text, *once);
    REQUIRE(has(*once, on));
    REQUIRE(remove(*once, on) == text);
    const auto twice = add(*once, pt);
    if (!twice) continue;
    CAPTURE(*twice);
    REQUIRE(remove(remove(*twice, pt), on) == text);
    REQUIRE(remove(remove(*twice, on), pt) == text);
  }
  return edited * (all / tried);
}

}  // namespace vfio_switch::test
