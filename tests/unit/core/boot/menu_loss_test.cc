// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/menu_loss.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"

namespace vfio_switch {

namespace {

BootEntry entry(const std::string& id, const std::string& line) {
  BootEntry made;
  made.id = id;
  made.title = id;
  made.kernel = BootFile{{}, "/vmlinuz", "/boot/vmlinuz"};
  made.release = "6.1";
  made.command_line = line;
  return made;
}

BootMenu menu(std::vector<BootEntry> entries) {
  BootMenu made;
  made.entries = std::move(entries);
  mark_default(made, 0);
  return made;
}

using What = MenuLoss::What;
using Parameters = std::vector<std::string>;

std::optional<MenuLoss> loss(const BootMenu& before, const BootMenu& after, const Parameters& add,
                             const Parameters& drop, bool kernels_stay = true) {
  return find_menu_loss(before, after, add, drop,
                        [&](const std::string& /*path*/) { return kernels_stay; });
}

}  // namespace

TEST_CASE("What the entries of a menu lose is found") {
  const auto before = menu({entry("a", "root=1 quiet"), entry("b", "root=1 ro")});
  CHECK_FALSE(loss(before, before, {}, {}));
  // Words may move, and others may come.
  CHECK_FALSE(
      loss(before, menu({entry("a", "quiet x root=1"), entry("b", "root=1 ro")}), {"x"}, {}));
  CHECK(loss(before, menu({entry("a", "quiet"), entry("b", "root=1 ro")}), {}, {}) ==
        MenuLoss{What::word, "a", "root=1"});
  CHECK(loss(before, menu({entry("a", "root=1 quiet"), entry("b", "root=1")}), {}, {}) ==
        MenuLoss{What::word, "b", "ro"});
  CHECK(loss(before, menu({entry("a", "root=1 quiet")}), {}, {}) == MenuLoss{What::entry, "b", {}});
}

TEST_CASE("A parameter is to come in the entry that starts next") {
  const auto before = menu({entry("a", "root=1 old"), entry("by hand", "root=1")});
  CHECK(loss(before, before, {"new"}, {}) == MenuLoss{What::missing, "a", "new"});
  // Somebody else may pass what is not ours any more.
  CHECK_FALSE(loss(before, before, {}, {"old"}));
  CHECK_FALSE(
      loss(before, menu({entry("a", "root=1 new"), entry("by hand", "root=1")}), {"new"}, {"old"}));
}

TEST_CASE("A menu that is read and has nothing any more has lost its entries") {
  const auto before = menu({entry("a", "root=1")});
  BootMenu empty;
  empty.loader = LoaderKind::grub;
  CHECK(loss(before, empty, {}, {}) == MenuLoss{What::entry, "a", {}});
  empty.notes.emplace_back();
  CHECK_FALSE(loss(before, empty, {}, {}));
}

TEST_CASE("An entry may go with its kernel, unless it was to start next") {
  const auto before = menu({entry("a", "root=1"), entry("b", "root=1")});
  const auto after = menu({entry("a", "root=1")});
  CHECK(loss(before, after, {}, {}) == MenuLoss{What::entry, "b", {}});
  CHECK_FALSE(loss(before, after, {}, {}, false));
  CHECK(loss(before, menu({entry("b", "root=1")}), {}, {}, false) ==
        MenuLoss{What::entry, "a", {}});
}

TEST_CASE("A deployment that is staged has no entry yet") {
  const auto before = menu({entry("ostree-1", "root=1 ostree=/ostree/boot.1/f/0/0")});
  auto staged = before;
  staged.why_no_once.emplace();
  CHECK_FALSE(loss(before, staged, {"new"}, {}));
}

TEST_CASE("A new deployment takes the place of the one before") {
  const auto before = menu({entry("ostree-1", "root=1 ostree=/ostree/boot.1/f/0/0")});
  // The old one is kept, behind the new one, and both have other directories.
  const auto added = menu({entry("ostree-2", "root=1 ostree=/ostree/boot.0/f/0/1 new"),
                           entry("ostree-1", "root=1 ostree=/ostree/boot.0/f/0/0")});
  CHECK_FALSE(loss(before, added, {"new"}, {}));
  const auto taken = menu({entry("ostree-2", "root=1 ostree=/ostree/boot.1/f/0/0"),
                           entry("ostree-1", "root=1 ostree=/ostree/boot.1/f/0/1 new")});
  CHECK_FALSE(loss(added, taken, {}, {"new"}));
  CHECK_FALSE(loss(taken, added, {"new"}, {}));
  const auto lost = menu({entry("ostree-2", "ostree=/ostree/boot.1/f/0/0 new")});
  CHECK(loss(before, lost, {"new"}, {}) == MenuLoss{What::word, "ostree-1", "root=1"});
}

TEST_CASE("What is not known of a menu is no loss") {
  const auto before = menu({entry("a", "root=1"), entry("b", "root=1")});
  CHECK_FALSE(loss(before, BootMenu(), {"new"}, {}));
  auto unread = before;
  unread.entries[1].command_line.reset();
  CHECK_FALSE(loss(before, unread, {}, {}));
  // One whose kernel had gone was only left over.
  auto stale = before;
  stale.entries[1].kernel->at.clear();
  CHECK_FALSE(loss(stale, menu({entry("a", "root=1")}), {}, {}));
  auto rescue = before;
  rescue.entries[1].kind = EntryKind::rescue;
  CHECK_FALSE(loss(rescue, menu({entry("a", "root=1")}), {}, {}));
}

}  // namespace vfio_switch
