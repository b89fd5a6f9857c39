// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <utility>

#include "system/process/unique_fd.h"

namespace vfio_switch {

/// A file's text in memory that the kernel shares: for large indices that packages replace and
/// never write into, as libkmod maps its own. A copy would cost more than the search. Empty where
/// the file is, or cannot be mapped.
class MappedText {
 public:
  MappedText() = default;
  explicit MappedText(const UniqueFd& file);
  MappedText(MappedText&& other) noexcept : text_(std::exchange(other.text_, {})) {}
  MappedText& operator=(MappedText&& other) noexcept {
    std::swap(text_, other.text_);
    return *this;
  }
  MappedText(const MappedText&) = delete;
  MappedText& operator=(const MappedText&) = delete;
  ~MappedText();

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

}  // namespace vfio_switch
