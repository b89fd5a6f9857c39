// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/files/seal.h"

#include <algorithm>

#include "core/base/sha256.h"
#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::string_view digest_mark = "# digest sha256 ";

}  // namespace

std::string_view unsealed(std::string_view content) {
  const auto mark = content.rfind(digest_mark);
  if (mark == std::string_view::npos || (mark > 0 && content[mark - 1] != '\n')) return content;
  return content.substr(0, mark);
}

std::string sealed(std::string content) {
  const auto digest = sha256(content);
  content += digest_mark;
  content += digest;
  content += '\n';
  return content;
}

bool is_sealed(std::string_view content) {
  return unsealed(content).size() != content.size();
}

bool is_unmodified(std::string_view content) {
  const auto body = unsealed(content);
  if (body.size() == content.size()) return false;
  return sealed(std::string(body)) == content;
}

bool is_inert(std::string_view content) {
  return std::ranges::all_of(split_lines(content), [](std::string_view raw) {
    const auto line = trim(raw);
    return line.empty() || line.front() == '#';
  });
}

}  // namespace vfio_switch
