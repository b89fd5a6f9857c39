// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace vfio_switch {

/// Which exit status a failure ends in; see vfio-switch(8).
enum class ErrorKind {
  failed,      ///< exit 1: a file, a program or a library reported a failure
  usage,       ///< exit 2: the command line or a configuration file is wrong
  refused,     ///< exit 3: possible, but unsafe
  permission,  ///< exit 4: needs root
};

/// The exit status of a program that ends with such a failure.
[[nodiscard]] constexpr int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::refused:
      return 3;
    case ErrorKind::permission:
      return 4;
  }
  return 1;
}

/// A failure that can happen in normal use, in the words that the user reads.
/// Bugs are exceptions instead.
struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;  ///< what failed and why, naming the file (and line)
  std::string remedy;   ///< what to do about it; may be empty
  int code = 0;         ///< errno where the kernel gave one, else 0
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message, std::string remedy = {}) {
  return std::unexpected(Error{ErrorKind::failed, std::move(message), std::move(remedy), 0});
}

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message,
                                                 std::string remedy = {}) {
  return std::unexpected(Error{kind, std::move(message), std::move(remedy), 0});
}

/// Passes the failure of one Result on as that of another type.
template <class T>
[[nodiscard]] std::unexpected<Error> failure_of(Result<T>& result) {
  return std::unexpected(std::move(result).error());
}

}  // namespace vfio_switch
