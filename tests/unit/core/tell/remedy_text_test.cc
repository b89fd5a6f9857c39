// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/remedy_text.h"

#include <set>

#include "catch.h"
#include "told.h"

namespace vfio_switch::test {

namespace {

const Remedy steps = {
    Edit{{"/etc/modules", 3}, "nouveau", {}},
    Edit{{"/etc/x.conf"}, {}, "a line"},
    Edit{{"/etc/y.conf", 1}, "from", "to"},
    Run{{{"update-initramfs", "-u"}}, true},
    Run{{{"touch", "a b"}}, true},
    Manual{ByHand::reboot},
};

}  // namespace

TEST_CASE("a remedy in sentences", "[remedy]") {
  CHECK(test::plain(remedy_text(steps)) ==
        "Remove 'nouveau' from /etc/modules:3. Add the line 'a line' to /etc/x.conf. "
        "In /etc/y.conf:1, replace 'from' with 'to'. Run 'update-initramfs -u'. "
        "Run \"touch 'a b'\". Reboot.");
  CHECK(test::plain(remedy_text({})).empty());
  CHECK(test::plain(remedy_text({Edit{{"/etc/modules", 3}, {}, {}}})) ==
        "Change or remove the line /etc/modules:3.");
  CHECK(test::plain(remedy_text({Edit{{"/etc/modules"}, {}, {}}})) == "Change /etc/modules.");
  CHECK(test::plain(remedy_text({Edit{{"/boot/a.conf", 3}, "options\tro", "options\tro a"}})) ==
        "In /boot/a.conf:3, replace 'options ro' with 'options ro a'.");
}

TEST_CASE("what is to be typed or copied stands alone on its line", "[remedy]") {
  CHECK(test::plain(remedy_lines(steps, "  -> ", {})) ==
        "  -> Remove this from /etc/modules:3:\n"
        "       nouveau\n"
        "     Add this line to /etc/x.conf:\n"
        "       a line\n"
        "     In /etc/y.conf:1, replace\n"
        "       from\n"
        "     with\n"
        "       to\n"
        "     Run:\n"
        "       update-initramfs -u\n"
        "       touch 'a b'\n"
        "     Reboot.\n");
  CHECK(test::plain(remedy_lines({}, "  -> ", {})).empty());
}

TEST_CASE("ways of which one is enough", "[remedy]") {
  Remedy remedy = {Manual{ByHand::move_monitor}, Manual{ByHand::reboot}};
  add_way(remedy, {own_command({"enable"})});
  add_way(remedy, {own_command({"disable"})});
  add_way(remedy, {});
  CHECK(test::plain(remedy_text(remedy)) ==
        "Connect the monitor to a GPU that stays with the host. Reboot. Or: Run one of these "
        "commands: 'vfio-switch enable' or 'vfio-switch disable'.");
  CHECK(test::plain(remedy_lines(remedy, "  -> ", {})) ==
        "  -> Connect the monitor to a GPU that stays with the host.\n"
        "     Reboot.\n"
        "  Or:\n"
        "     Run one of these commands:\n"
        "       vfio-switch enable\n"
        "       vfio-switch disable\n");
}

TEST_CASE("everything that only people can do has a code and a sentence", "[remedy]") {
  const Data data = {{"what", Word{"a"}}, {"other", Word{"b"}}};
  std::set<std::string_view> codes;
  for (const auto what : by_hand_codes()) {
    const auto code = to_string(what);
    INFO(code);
    CHECK(codes.insert(code).second);
    CHECK(code.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos);
    CHECK(test::plain(remedy_text({Manual{what, data}})).ends_with('.'));
  }
  CHECK(codes.size() == static_cast<std::size_t>(ByHand::report_bug) + 1);
}

}  // namespace vfio_switch::test
