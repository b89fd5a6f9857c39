// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/events.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "backend/alpm_events.h"
#include "backend/boot_events.h"
#include "backend/package_events.h"
#include "backend/site.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

struct Handler {
  std::string_view name;
  std::size_t arguments;
  std::function<Result<void>(Site&, const Event&)> handle;
};

const std::array<Handler, 9>& handlers() {
  static const std::array<Handler, 9> all = {{
      {"post-install", 0,
       [](Site& site, const Event&) { return post_install(site, site.images()); }},
      {"post-upgrade", 0,
       [](Site& site, const Event&) { return refresh(site, {}, site.images()); }},
      {"kernel-added", 1,
       [](Site& site, const Event& event) {
         return refresh(site, event.arguments.front(), site.images());
       }},
      {"image-built", 1,
       [](Site& site, const Event& event) { return image_built(site, event.arguments.front()); }},
      {"drivers-changed", 0,
       [](Site& site, const Event&) { return refresh(site, {}, site.images()); }},
      {"alpm-refresh", 0, [](Site& site, const Event&) { return alpm_refresh(site); }},
      {"alpm-check", 0, [](Site& site, const Event&) { return alpm_check(site); }},
      {"boot-begin", 0, [](Site& site, const Event&) { return begin_boot(boot_site(site)); }},
      {"boot-check", 0, [](Site& site, const Event&) { return check_boot(boot_site(site)); }},
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
  return fail(ErrorKind::usage, "this is a part of vfio-switch-hook, which calls it");
}

Result<void> handle(const Event& event) {
  Site site(event);
  if (auto opened = site.open(); !opened) return opened;
  if (auto recovered = site.recover(); !recovered) return recovered;
  // The package is there: what an earlier removal noted is over.
  if (site.files().exists(removal_path)) (void)site.files().replace(removal_path, Absent{});
  const auto* handler = std::ranges::find(handlers(), event.name, &Handler::name);
  return handler->handle(site, event);
}

}  // namespace vfio_switch
