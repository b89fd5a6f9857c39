// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Catch2 2 (one header) and Catch2 3 alike, and how our values are shown where a check fails.

#define CATCH_CONFIG_ENABLE_OPTIONAL_STRINGMAKER
#define CATCH_CONFIG_ENABLE_PAIR_STRINGMAKER
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/cards/refusal.h"
#include "core/pci/pci.h"

namespace Catch {

template <>
struct StringMaker<vfio_switch::PciAddress> {
  static std::string convert(const vfio_switch::PciAddress& address) { return address.str(); }
};

template <>
struct StringMaker<vfio_switch::PciId> {
  static std::string convert(const vfio_switch::PciId& id) { return id.str(); }
};

template <>
struct StringMaker<vfio_switch::RefusalCode> {
  static std::string convert(vfio_switch::RefusalCode code) {
    return std::string(vfio_switch::to_string(code));
  }
};

template <>
struct StringMaker<vfio_switch::Refusal> {
  static std::string convert(const vfio_switch::Refusal& refusal) {
    return std::string(vfio_switch::to_string(refusal.code())) + " (" +
           std::string(vfio_switch::kind_of(refusal.cause).name) + ")";
  }
};

}  // namespace Catch

namespace vfio_switch::test {

/// Matches text that holds `part`.
inline auto has_text(const std::string& part) {
#if __has_include(<catch2/catch_test_macros.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

/// The value of a Result that has to be one; the test ends where it is none.
template <class T>
T value_of(Result<T> result) {
  if (!result) FAIL("unexpected error: " << result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The Error of a Result that has to be one; the test ends where it is none.
template <class T>
Error error_of(const Result<T>& result) {
  if (result) FAIL("an error was expected");
  return result.error();
}

}  // namespace vfio_switch::test
