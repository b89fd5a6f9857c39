// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/recorded_menu.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::at_all;
using test::desktop;
using test::some_reason;

namespace {

const std::vector<PciAddress> card = at_all({"01:00.0", "01:00.1"});
const BootUnknown denied{BootUnknownCode::unreadable, "/boot/grub/grub.cfg"};

MenuRecord record() {
  MenuRecord made{.time = "2026-11-22T12:00:00Z", .local_time = "2026-11-22 13:00 CET"};
  made.entries = {
      {.id = "debian",
       .title = "Debian",
       .is_default = true,
       .release = "6.1",
       .functions = {{at("01:00.0"), "vfio-pci", true}, {at("01:00.1"), "vfio-pci", true}}},
      {.id = "older",
       .title = "Debian, older",
       .release = "6.0",
       .functions = {{at("01:00.0"), "nouveau", true}, {at("01:00.1"), "vfio-pci", false}}}};
  return made;
}

/// The desktop, whose menu an ordinary user cannot read.
SystemFacts without_menu() {
  auto facts = desktop().facts();
  facts.boot_menu.loader = LoaderKind::grub;
  facts.boot_menu.notes = {denied};
  facts.boot_menu.why_no_default = denied;
  facts.menu_record = record();
  return facts;
}

/// What is proved of such a menu.
MenuProof nothing_proved() {
  MenuProof menu;
  menu.why_unknown = reason_of(ReasonCause::menu_not_known, denied);
  return menu;
}

/// A menu that can be read, with an image that cannot.
SystemFacts with_menu(std::vector<BootEntry> entries) {
  auto facts = desktop().facts();
  facts.boot_menu.entries = std::move(entries);
  mark_default(facts.boot_menu, 0);
  facts.menu_record = record();
  return facts;
}

MenuProof with_unread_images(const SystemFacts& facts) {
  MenuProof menu;
  for (const auto& entry : facts.boot_menu.entries) {
    menu.entries.push_back({entry,
                            {{card[0], std::nullopt, false, ReasonCause::image_needs_root},
                             {card[1], std::nullopt, false, ReasonCause::image_needs_root}}});
  }
  menu.next = 0;
  return menu;
}

}  // namespace

TEST_CASE("In place of a menu that may not be read stands what root recorded, never as proved") {
  std::vector<Note> notes;
  const auto menu = with_record(nothing_proved(), without_menu(), card, notes);
  CHECK(notes.empty());
  REQUIRE(menu.entries.size() == 2);
  CHECK_FALSE(menu.next);
  CHECK(menu.why_unknown == nothing_proved().why_unknown);

  const auto& first = menu.entries[0];
  CHECK(first.entry.id == "debian");
  CHECK(first.entry.title == "Debian");
  CHECK(first.entry.is_default);
  CHECK(first.entry.release == "6.1");
  CHECK_FALSE(first.entry.command_line);
  REQUIRE(first.recorded);
  CHECK(first.recorded->time == "2026-11-22T12:00:00Z");
  CHECK(first.recorded->local_time == "2026-11-22 13:00 CET");
  CHECK(first.recorded->outcome == NextBoot::vfio);
  CHECK(first.outcome() == NextBoot::unknown);
  const auto why = menu.why_unknown;
  CHECK(first.functions == std::vector<EntryFunction>{{card[0], "vfio-pci", false, why},
                                                      {card[1], "vfio-pci", false, why}});

  // What was not proved then is not known now.
  const auto& older = menu.entries[1];
  CHECK(older.recorded->outcome == NextBoot::unknown);
  CHECK(older.functions == std::vector<EntryFunction>{{card[0], "nouveau", false, why},
                                                      {card[1], std::nullopt, false, why}});
}

TEST_CASE("Entries whose own files may not be read are replaced as a whole") {
  auto facts = without_menu();
  BootEntry entry{.id = "arch.conf", .title = "arch.conf", .source = {"/efi/loader/a.conf"}};
  entry.unknown = {{BootUnknownCode::unreadable, "/efi/loader/a.conf"}};
  facts.boot_menu = {};
  facts.boot_menu.entries = {entry};
  mark_default(facts.boot_menu, 0);
  MenuProof proof;
  proof.entries = {{entry, {{card[0], std::nullopt, false, some_reason()}}}};
  proof.next = 0;
  std::vector<Note> notes;
  const auto menu = with_record(proof, facts, card, notes);
  REQUIRE(menu.entries.size() == 2);
  CHECK(menu.entries[0].entry.title == "Debian");
  CHECK_FALSE(menu.next);
  CHECK(menu.why_unknown == reason_of(ReasonCause::menu_not_known, entry.unknown.front()));
}

TEST_CASE("A function that the record does not know is not known") {
  auto facts = without_menu();
  facts.menu_record->entries[0].functions.pop_back();
  std::vector<Note> notes;
  const auto menu = with_record(nothing_proved(), facts, card, notes);
  REQUIRE(menu.entries.size() == 2);
  CHECK(menu.entries[0].recorded->outcome == NextBoot::unknown);
  REQUIRE(menu.entries[0].functions.size() == 2);
  CHECK(menu.entries[0].functions[0].winner == "vfio-pci");
  CHECK_FALSE(menu.entries[0].functions[1].winner);
}

TEST_CASE("A record that cannot be used says why, and nothing else") {
  auto facts = without_menu();
  const Note stale{NoteCause::menu_changed, {{"file", Place{"/boot"}}}};
  facts.menu_record = MenuRecord{.why_unusable = stale};
  std::vector<Note> notes;
  const auto menu = with_record(nothing_proved(), facts, card, notes);
  CHECK(menu.entries.empty());
  CHECK(notes == std::vector<Note>{stale});
}

TEST_CASE("A record is not asked where everything could be read") {
  auto facts = with_menu({{.id = "debian", .title = "Debian", .release = "6.1"}});
  facts.menu_record->why_unusable = Note{NoteCause::menu_changed, {{"file", Place{"/boot"}}}};
  MenuProof proof;
  proof.entries = {
      {facts.boot_menu.entries[0],
       {{card[0], "nouveau", true, std::nullopt}, {card[1], "snd_hda_intel", true, std::nullopt}}}};
  proof.next = 0;
  // What is not proved for another reason is no question of rights.
  const bool is_proved = GENERATE(true, false);
  proof.entries[0].functions[0].proved = is_proved;
  if (!is_proved) proof.entries[0].functions[0].reason = some_reason();
  std::vector<Note> notes;
  const auto menu = with_record(proof, facts, card, notes);
  CHECK(notes.empty());
  CHECK(menu.next == 0);
  CHECK_FALSE(menu.entries[0].recorded);
  CHECK(menu.entries[0].functions == proof.entries[0].functions);
}

TEST_CASE("Of an entry whose image may not be read the record knows the winners") {
  const auto facts = with_menu({{.id = "debian", .title = "Debian", .release = "6.1"},
                                {.id = "new", .title = "Debian", .release = "6.2"},
                                {.id = "other", .title = "Debian, other", .release = "6.0"}});
  std::vector<Note> notes;
  const auto menu = with_record(with_unread_images(facts), facts, card, notes);
  CHECK(menu.next == 0);
  const auto& first = menu.entries[0];
  REQUIRE(first.recorded);
  CHECK(first.recorded->outcome == NextBoot::vfio);
  CHECK(first.outcome() == NextBoot::unknown);
  CHECK(first.functions[0] ==
        EntryFunction{card[0], "vfio-pci", false, ReasonCause::image_needs_root});
  CHECK_FALSE(menu.entries[1].recorded);  // another kernel
  CHECK_FALSE(menu.entries[2].recorded);  // another title
}

TEST_CASE("Where two recorded entries may be the same one, neither counts") {
  auto facts = with_menu({{.id = "debian", .title = "Debian", .release = "6.1"}});
  facts.menu_record->entries[1].title = "Debian";
  std::vector<Note> notes;
  SECTION("the releases tell them apart") {
    CHECK(with_record(with_unread_images(facts), facts, card, notes).entries[0].recorded);
  }
  SECTION("a kernel that may not be read does not tell its release") {
    facts.boot_menu.entries[0].release.reset();
    CHECK_FALSE(with_record(with_unread_images(facts), facts, card, notes).entries[0].recorded);
  }
}

}  // namespace vfio_switch
