// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/kexec_settings.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "core/base/shell_words.h"

namespace vfio_switch {

namespace {

constexpr std::string_view variable = "LOAD_KEXEC";

}  // namespace

bool is_kexec_drop_in(std::string_view name) {
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.find_first_not_of(letters) == std::string_view::npos;
}

std::optional<BootUnknown> find_load_kexec(const std::vector<SourceText>& settings) {
  std::optional<BootUnknown> found;
  for (const auto& file : settings) {
    if (file.state == SourceText::State::unknown) return file.why;
    const auto assignments = find_assignments(file.text);
    if (!assignments) return BootUnknown{BootUnknownCode::malformed, file.path};
    for (const auto& assignment : *assignments) {
      if (assignment.name != variable || assignment.appends) continue;
      found.reset();
      const auto value = unquoted(file.text, assignment);
      const auto begin = file.text.begin();
      const auto line =
          1 + std::count(begin, begin + static_cast<std::ptrdiff_t>(assignment.line), '\n');
      const auto place = [&](BootUnknownCode code, std::string subject) {
        found = BootUnknown{code, std::move(subject), file.path, static_cast<int>(line)};
      };
      if (value.find_first_of("$`") != std::string::npos) {
        place(BootUnknownCode::variable, std::string(variable));
      } else if (value == "true") {
        place(BootUnknownCode::load_kexec, std::string(variable) + "=true");
      }
    }
  }
  return found;
}

}  // namespace vfio_switch
