// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/menu_store.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>

#include "catch.h"
#include "core/facts_builder.h"
#include "system/state/state_store.h"
#include "system/temporary_root.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::has_text;
using test::TemporaryRoot;
using test::text_of;

namespace {

/// 2026-11-22T12:00:00.000000007Z.
constexpr Moment noon{std::chrono::seconds(1795348800) + std::chrono::nanoseconds(7)};

/// A menu as a proof has it: with everything that nobody but root may know.
MenuProof menu() {
  BootEntry usual{.id = "gnulinux-advanced-0c2b81de-9d1e-4c3f-8f7e-0123456789ab",
                  .title = "Debian GNU/Linux",
                  .is_default = true,
                  .source = {"/boot/grub/grub.cfg", 12},
                  .kernel = BootFile{{}, "/home/alice/vmlinuz"},
                  .command_line = "root=UUID=0c2b81de-9d1e-4c3f-8f7e-0123456789ab luks.key=secret",
                  .release = "6.1.0-56-amd64",
                  .machine_id = "0123456789abcdef0123456789abcdef"};
  BootEntry rescue{.id = "0123456789abcdef0123456789abcdef-0-rescue.conf",
                   .title = "Rescue of /home/alice",
                   .kind = EntryKind::rescue,
                   .is_once = true};
  BootEntry foreign{.id = "osprober-1", .title = "Windows", .kind = EntryKind::foreign};
  MenuProof proof;
  proof.entries = {{usual, {{at("01:00.0"), "vfio-pci", true, {}}, {at("01:00.1"), {}, true, {}}}},
                   {rescue, {{at("01:00.0"), std::nullopt, false, ReasonCause::image_missing}}, {}},
                   {foreign}};
  proof.next = 1;
  return proof;
}

/// `path` gets a time of its own, as the files of a root that was made long before.
void touch(const TemporaryRoot& root, const std::string& path, Moment when) {
  const auto outside = root.outside(path);
  std::filesystem::last_write_time(
      outside, std::filesystem::file_time_type(std::chrono::file_clock::from_sys(when)));
}

void make(const TemporaryRoot& root, const std::string& path, Moment when) {
  root.write(path, "");
  touch(root, path, when);
}

std::string why_unusable(const TemporaryRoot& root) {
  const auto record = load_menu_record(*root.reader());
  REQUIRE(record);
  REQUIRE(record->why_unusable);
  CHECK(record->entries.empty());
  return text_of(*record->why_unusable);
}

}  // namespace

TEST_CASE("A record of the boot menu is read as it was written, without what identifies anybody") {
  const TemporaryRoot root;
  ::setenv("TZ", "CET-1", 1);
  ::tzset();
  root.write(menu_record_path, render_menu_record(menu(), noon));
  const auto record = load_menu_record(*root.reader());
  REQUIRE(record);
  CHECK_FALSE(record->why_unusable);
  CHECK(record->time == "2026-11-22T12:00:00Z");
  CHECK(record->local_time == "2026-11-22 13:00 CET");
  const std::vector<MenuRecord::Entry> expected = {
      {.id = "gnulinux-advanced-(uuid)",
       .title = "Debian GNU/Linux",
       .is_default = true,
       .release = "6.1.0-56-amd64",
       .functions = {{at("01:00.0"), "vfio-pci", true}, {at("01:00.1"), std::nullopt, true}}},
      {.id = "(id)-0-rescue.conf",
       .title = "Rescue of /home/(name)",
       .kind = EntryKind::rescue,
       .is_once = true,
       .functions = {{at("01:00.0"), std::nullopt, false}}}};
  CHECK(record->entries == expected);
  ::unsetenv("TZ");
  ::tzset();
}

TEST_CASE("A record of the boot menu holds nothing that is for root alone") {
  const auto text = render_menu_record(menu(), noon);
  for (const auto* secret :
       {"0c2b81de", "0123456789ab", "luks", "secret", "alice", "vmlinuz", "grub.cfg", "Windows"}) {
    INFO(secret);
    CHECK(text.find(secret) == std::string::npos);
  }
  CHECK(text.find("\"time\": \"2026-11-22T12:00:00.000000007Z\"") != std::string::npos);
}

TEST_CASE("Without a record there is nothing to say") {
  const TemporaryRoot root;
  CHECK_FALSE(load_menu_record(*root.reader()));
}

TEST_CASE("A damaged record of the boot menu is unusable, and says so") {
  const auto whole = render_menu_record(menu(), noon);
  const auto with = [&](const std::string& from, const std::string& to) {
    auto text = whole;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const auto text = GENERATE_COPY(
      std::string(), std::string("{"), std::string("[]"), std::string("{\"schema\": 1}"),
      whole.substr(0, whole.size() / 2), with("\"usual\"", "\"unusual\""), with("01:00.0", "01:00"),
      with("\"default\": true", "\"default\": 1"), with("12:00:00.000000007Z", "noon"),
      with("2026-", "9999-"), with(".000000007Z", ""), with(".000000007Z", ".7Z"),
      with(".000000007Z", ".00000000xZ"), with("\"schema\": 1", "\"schema\": \"1\""));
  INFO(text);
  const TemporaryRoot root;
  root.write(menu_record_path, text);
  CHECK(why_unusable(root) ==
        "not taken into account: /var/lib/vfio-switch/boot-menu.json could not be read (it cannot "
        "be parsed)");
}

TEST_CASE("A record that is no file, or of a newer version, is unusable, and says so") {
  const TemporaryRoot root;
  SECTION("a directory") {
    root.make_directory(menu_record_path);
    CHECK_THAT(why_unusable(root), has_text("it is a directory"));
  }
  SECTION("a newer version, whatever else it wrote") {
    root.write(menu_record_path, R"({"schema": 2, "entries": "elsewhere"})");
    CHECK_THAT(why_unusable(root), has_text("it was written by a newer version of vfio-switch"));
  }
}

TEST_CASE("A record is out of date as soon as something that a boot depends on was changed") {
  const TemporaryRoot root;
  const auto path = GENERATE(as<std::string>{}, "/boot/initrd.img-6.1.0-56-amd64",
                             "/boot/grub/grub.cfg", "/boot/grub/grubenv", "/boot/grub2/grub.cfg",
                             "/boot/loader/entries/debian.conf", "/efi/EFI/Linux/arch.efi",
                             "/etc/modprobe.d/nvidia.conf", "/lib/modprobe.d/systemd.conf",
                             "/etc/modules-load.d/vfio.conf", "/etc/vfio-switch/override");
  INFO(path);
  root.write(menu_record_path, render_menu_record(menu(), noon));
  const auto directories = [&] {
    for (auto directory = std::filesystem::path(path).parent_path(); directory != "/";
         directory = directory.parent_path()) {
      touch(root, directory, noon);
    }
  };
  make(root, path, noon);
  directories();
  auto record = load_menu_record(*root.reader());
  REQUIRE(record);
  CHECK_FALSE(record->why_unusable);  // that is how old it may be
  touch(root, path, noon + std::chrono::nanoseconds(1));
  CHECK(why_unusable(root) ==
        "the boot menu that the last run as root recorded is not shown, because " + path +
            " was changed since");
  std::filesystem::remove(root.outside(path));
  const auto directory = std::filesystem::path(path).parent_path();
  touch(root, directory, noon + std::chrono::seconds(5));
  CHECK_THAT(why_unusable(root), has_text("because " + directory.string() + " was changed"));
}

TEST_CASE("A tree of modules that was changed makes a record out of date") {
  const TemporaryRoot root;
  root.write(menu_record_path, render_menu_record(menu(), noon));
  root.make_directory("/lib/modules/6.1.0-56-amd64");
  touch(root, "/lib/modules", noon);
  touch(root, "/lib/modules/6.1.0-56-amd64", noon + std::chrono::hours(1));
  CHECK_THAT(why_unusable(root), has_text("because /lib/modules/6.1.0-56-amd64 was changed"));
}

}  // namespace vfio_switch
