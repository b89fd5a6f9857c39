// SPDX-License-Identifier: GPL-3.0-or-later
#include "hook/events.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "hook/alpm_events.h"
#include "hook/boot_events.h"
#include "hook/package_events.h"
#include "hook/site.h"

namespace vfio_switch {

namespace {

struct Handler {
  std::string_view name;
  std::size_t arguments;
  std::function<Result<void>(Site&, const Event&)> handle;
};

const std::array<Handler, 12>& handlers() {
  static const std::array<Handler, 12> all = {{
      {"post-install", 0,
       [](Site& site, const Event&) { return post_install(site, site.can_rebuild()); }},
      {"post-upgrade", 0,
       [](Site& site, const Event&) { return refresh(site, {}, site.can_rebuild()); }},
      {"pre-remove", 0, [](Site& site, const Event&) { return pre_remove(site); }},
      {"kernel-added", 1,
       [](Site& site, const Event& event) {
         return refresh(site, event.arguments.front(), site.can_rebuild());
       }},
      {"image-built", 1,
       [](Site& site, const Event& event) { return image_built(site, event.arguments.front()); }},
      {"drivers-changed", 0,
       [](Site& site, const Event&) { return refresh(site, {}, site.can_rebuild()); }},
      {"alpm-refresh", 0, [](Site& site, const Event&) { return alpm_refresh(site); }},
      {"alpm-check", 0, [](Site& site, const Event&) { return alpm_check(site); }},
      {"boot-begin", 0, [](Site& site, const Event&) { return begin_boot(boot_site(site)); }},
      {"boot-check", 0, [](Site& site, const Event&) { return check_boot(boot_site(site)); }},
      {"disable", 0, [](Site& site, const Event&) { return disable(site); }},
      {"rollback", 0, [](Site& site, const Event&) { return rollback(site); }},
  }};
  return all;
}

}  // namespace

Result<Event> parse_event(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  Event event;
  if (words.size() >= 2 && words[0] == "--sysroot") {
    event.root = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (!words.empty()) {
    event.name = words.front();
    event.arguments.assign(words.begin() + 1, words.end());
  }
  const auto* handler = std::ranges::find(handlers(), event.name, &Handler::name);
  if (handler != handlers().end() && handler->arguments == event.arguments.size()) return event;
  std::string usage = "usage: vfio-switch-hook [--sysroot DIR] EVENT, where EVENT is one of";
  for (const auto& known : handlers()) {
    usage += " " + std::string(known.name) + (known.arguments == 1 ? " VERSION" : "") + ",";
  }
  usage.pop_back();
  return fail(ErrorKind::usage, usage);
}

Result<void> handle(const Event& event) {
  Site site(event);
  if (auto opened = site.open(); !opened) return opened;
  if (auto recovered = site.recover(); !recovered) return recovered;
  const auto* handler = std::ranges::find(handlers(), event.name, &Handler::name);
  return handler->handle(site, event);
}

bool is_command(const Event& event) {
  return event.name == "disable" || event.name == "rollback";
}

}  // namespace vfio_switch
