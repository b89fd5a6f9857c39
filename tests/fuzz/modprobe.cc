// SPDX-License-Identifier: GPL-3.0-or-later
// modprobe.d(5): what our parser makes of a text, and what libkmod makes of the same text.
#include "core/modules/modprobe_conf.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/modules/install_command.h"
#include "core/modules/vfio_ids.h"
#include "fuzz.h"
#include "system/files/file_reader.h"
#include "system/modules/libkmod_reading.h"
#include "system/modules/modprobe_config.h"
#include "system/process/unique_fd.h"

namespace {

using vfio_switch::ModprobeDirective;
using vfio_switch::ModprobeRules;
using vfio_switch::UniqueFd;
using vfio_switch::fuzz::expect;

/// The rules of the libkmod that this is linked with.
const ModprobeRules& rules() {
  static const ModprobeRules found = [] {
    const auto reader = vfio_switch::open_reader("/");
    return reader ? vfio_switch::read_modprobe_rules(**reader) : ModprobeRules();
  }();
  return found;
}

/// A directive as a line, which is then read as the same directive.
void check_rendering(const std::vector<ModprobeDirective>& directives) {
  vfio_switch::ModprobeFile file{"/etc/modprobe.d/fuzz.conf", {}};
  for (const auto& directive : directives) {
    // What a backslash had joined cannot be written on one line.
    std::string line = directive.command + " " + directive.subject +
                       (directive.arguments.empty() ? "  " : " ") + directive.arguments;
    if (directive.command.starts_with('#')) line.insert(0, " ");
    for (const char c : line) {
      if (c == '\\' || c == '\n') file.content += '\\';
      file.content += c;
    }
    file.content += '\n';
  }
  const auto again = vfio_switch::parse_modprobe(file);
  expect(again.size() == directives.size(), "as many lines when rendered", file.content);
  for (std::size_t i = 0; i < again.size(); ++i) {
    expect(again[i].command == directives[i].command && again[i].subject == directives[i].subject &&
               again[i].arguments == directives[i].arguments,
           "the same when rendered", file.content);
    expect(i == 0 || directives[i - 1].line < directives[i].line, "lines ascend");
  }
}

}  // namespace

FUZZ(text) {
  const vfio_switch::ModprobeFile file{"/etc/modprobe.d/fuzz.conf", std::string(text)};
  const auto directives = vfio_switch::parse_modprobe(file);
  check_rendering(directives);
  for (const auto& directive : directives) {
    const auto softdep = vfio_switch::parse_softdep(directive.arguments);
    expect(vfio_switch::parse_softdep(softdep.str()) == softdep, "a softdep reads as it prints");
    (void)vfio_switch::parse_install_command(directive.arguments);
    (void)directive.is_about("nvidia");
  }
  (void)vfio_switch::ids_of_modprobe(directives);
  (void)vfio_switch::effective_softdep(directives, "nvidia");

  // Only we split the lists of a softdep at commas.
  auto common = file;
  std::ranges::replace(common.content, ',', ';');
  const UniqueFd memory(::memfd_create("modprobe.d", MFD_CLOEXEC));
  expect(::write(memory.get(), common.content.data(), common.content.size()) ==
             static_cast<ssize_t>(common.content.size()),
         "the text can be written");
  common.rules = rules();
  const auto difference = vfio_switch::libkmod_difference(
      vfio_switch::parse_modprobe(common), {"/proc/self/fd/" + std::to_string(memory.get())});
  expect(!difference, "libkmod reads the same", difference.value_or(""));
}
