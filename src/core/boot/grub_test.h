// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// What is known of something that only the boot loader decides.
enum class GrubTruth { no, yes, unknown };

[[nodiscard]] constexpr GrubTruth negated(GrubTruth truth) {
  if (truth == GrubTruth::unknown) return truth;
  return truth == GrubTruth::yes ? GrubTruth::no : GrubTruth::yes;
}

/// What `test` and `[` ask about a file: 'e' it exists, 'f' it is a file, 'd' a directory, 's' not
/// empty.
using GrubFileTest = std::function<GrubTruth(char what, const std::string& path)>;

/// Evaluates the arguments of `test`, or of `[` with its "]" (GRUB's commands/test.c: there is no
/// precedence but that of "-o" below "-a").
[[nodiscard]] GrubTruth grub_test(std::vector<std::string> arguments, const GrubFileTest& file);

/// A number as GRUB reads it: decimal, 0x..., or octal behind a 0. `rest` is what follows it.
/// Nothing where there is no digit.
[[nodiscard]] std::optional<unsigned long> grub_number(std::string_view text,
                                                       std::string_view& rest);

}  // namespace vfio_switch
