// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/system_log.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <set>

#include "core/base/text.h"
#include "system/files/file_reader.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

namespace {

/// sd_journal_sendv(3); for this one function its header is not worth a dependency.
using JournalSend = int (*)(const struct iovec* fields, int count);

JournalSend load_journal() {
  // Never unloaded: it is used until the program ends.
  void* handle = ::dlopen("libsystemd.so.0", RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): dlsym(3) says so
  return reinterpret_cast<JournalSend>(::dlsym(handle, "sd_journal_sendv"));
}

}  // namespace

bool send_to_journal(const LogFields& fields) {
  if (::access("/run/systemd/journal/socket", F_OK) != 0) return false;
  static const JournalSend send = load_journal();
  if (send == nullptr) return false;
  std::vector<std::string> lines;
  lines.reserve(fields.size());
  for (const auto& [name, value] : fields) lines.push_back(name + "=" + value);
  std::vector<struct iovec> parts;
  parts.reserve(lines.size());
  for (auto& line : lines) parts.push_back({line.data(), line.size()});
  return send(parts.data(), static_cast<int>(parts.size())) == 0;
}

void tell_consoles(const std::string& text) {
  std::set<std::string> names;
  if (const auto files = open_reader("/")) {
    const auto active = (*files)->read("/sys/class/tty/console/active");
    const auto content = active ? active->value_or("") : std::string();
    for (const auto name : split_words(content, " \n")) names.emplace(name);
  }
  // The names there are the terminals behind /dev/console.
  names.insert(names.empty() ? "console" : "tty0");
  // In raw mode a line feed does not return to the first column.
  std::string lines;
  for (const auto line : split_lines(text)) lines += std::string(line) + "\r\n";
  for (const auto& name : names) {
    // A terminal that nobody reads must not block us.
    const UniqueFd fd(
        ::open(("/dev/" + name).c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (!fd) continue;
    [[maybe_unused]] const auto written = ::write(fd.get(), lines.data(), lines.size());
  }
}

}  // namespace vfio_switch
