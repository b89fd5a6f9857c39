// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace vfio_switch::fuzz {

/// Ends the run where `holds` is false; libFuzzer then keeps the input.
inline void expect(bool holds, std::string_view what, std::string_view seen = {}) {
  if (holds) return;
  std::fprintf(stderr, "BROKEN: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(seen.size()), seen.data());
  std::abort();
}

}  // namespace vfio_switch::fuzz

/// Defines libFuzzer's entry: what follows is its body, with the input as `text`.
#define FUZZ(text)                                                                       \
  static void fuzz_one(std::string_view text);                                           \
  extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, unsigned long size) { \
    fuzz_one({reinterpret_cast<const char*>(data), size});                               \
    return 0;                                                                            \
  }                                                                                      \
  static void fuzz_one(std::string_view text)
