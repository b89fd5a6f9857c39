// SPDX-License-Identifier: GPL-3.0-or-later
// os-release(5), which never fails.
#include "core/machine/os_release.h"

#include <string>

#include "core/base/text.h"
#include "core/machine/profile.h"
#include "fuzz.h"

namespace {

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == '$' || c == '`') text += '\\';
    text += c;
  }
  return text + "\"";
}

}  // namespace

FUZZ(text) {
  using vfio_switch::fuzz::expect;
  const auto os = vfio_switch::parse_os_release(text);
  const auto rendered = "ID=" + quoted(os.id) + "\nPRETTY_NAME=" + quoted(os.pretty_name) +
                        "\nID_LIKE=" + quoted(vfio_switch::join(os.id_like, " ")) + "\n";
  expect(vfio_switch::parse_os_release(rendered) == os, "the same when rendered", rendered);
  (void)vfio_switch::match_profile({}, os);
}
