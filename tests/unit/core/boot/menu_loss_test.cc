// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/menu_loss.h"

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

}  // namespace

TEST_CASE("What the entries of a menu lose is found") {
  const auto before = menu({entry("a", "root=1 quiet"), entry("b", "root=1 ro")});
  CHECK_FALSE(find_menu_loss(before, before, {}, {}));
  // Words may move, and others may come.
  CHECK_FALSE(find_menu_loss(before, menu({entry("a", "quiet x root=1"), entry("b", "root=1 ro")}),
                             {"x"}, {}));
  CHECK(find_menu_loss(before, menu({entry("a", "quiet"), entry("b", "root=1 ro")}), {}, {}) ==
        MenuLoss{What::word, "a", "root=1"});
  CHECK(find_menu_loss(before, menu({entry("a", "root=1 quiet"), entry("b", "root=1")}), {}, {}) ==
        MenuLoss{What::word, "b", "ro"});
  CHECK(find_menu_loss(before, menu({entry("a", "root=1 quiet")}), {}, {}) ==
        MenuLoss{What::entry, "b", {}});
}

TEST_CASE("A parameter is to come and to go in the entry that starts next") {
  const auto before = menu({entry("a", "root=1 old"), entry("by hand", "root=1")});
  CHECK(find_menu_loss(before, before, {"new"}, {}) == MenuLoss{What::missing, "a", "new"});
  CHECK(find_menu_loss(before, before, {}, {"old"}) == MenuLoss{What::kept, "a", "old"});
  CHECK_FALSE(find_menu_loss(before, menu({entry("a", "root=1 new"), entry("by hand", "root=1")}),
                             {"new"}, {"old"}));
}

TEST_CASE("A new deployment takes the place of the one before") {
  const auto before = menu({entry("ostree-1", "root=1 ostree=/ostree/boot.1/f/0/0")});
  // The old one is kept, behind the new one, and both have other directories.
  const auto added = menu({entry("ostree-2", "root=1 ostree=/ostree/boot.0/f/0/1 new"),
                           entry("ostree-1", "root=1 ostree=/ostree/boot.0/f/0/0")});
  CHECK_FALSE(find_menu_loss(before, added, {"new"}, {}));
  const auto taken = menu({entry("ostree-2", "root=1 ostree=/ostree/boot.1/f/0/0"),
                           entry("ostree-1", "root=1 ostree=/ostree/boot.1/f/0/1 new")});
  CHECK_FALSE(find_menu_loss(added, taken, {}, {"new"}));
  CHECK_FALSE(find_menu_loss(taken, added, {"new"}, {}));
  const auto lost = menu({entry("ostree-2", "ostree=/ostree/boot.1/f/0/0 new")});
  CHECK(find_menu_loss(before, lost, {"new"}, {}) == MenuLoss{What::word, "ostree-1", "root=1"});
}

TEST_CASE("What is not known of a menu is no loss") {
  const auto before = menu({entry("a", "root=1"), entry("b", "root=1")});
  CHECK_FALSE(find_menu_loss(before, BootMenu(), {"new"}, {}));
  auto unread = before;
  unread.entries[1].command_line.reset();
  CHECK_FALSE(find_menu_loss(before, unread, {}, {}));
  // One whose kernel had gone was only left over.
  auto stale = before;
  stale.entries[1].kernel->at.clear();
  CHECK_FALSE(find_menu_loss(stale, menu({entry("a", "root=1")}), {}, {}));
  auto rescue = before;
  rescue.entries[1].kind = EntryKind::rescue;
  CHECK_FALSE(find_menu_loss(rescue, menu({entry("a", "root=1")}), {}, {}));
}

}  // namespace vfio_switch
