// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/state/boot_store.h"
#include "system/machine/host_displays.h"

#include <string>

#include "catch.h"
#include "core/facts_builder.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::at;
using test::desktop;
using test::has_text;
using test::TemporaryRoot;
using test::value_of;

namespace {

/// A finding whose data has every kind of item.
std::vector<BootFinding> every_item() {
  const Reason inner(ReasonCause::early_in_image, {{"module", Word{"nouveau"}}});
  const std::vector<Item> items = {Word{"word"},
                                   Count{7},
                                   at("01:00.0"),
                                   test::id("10de:1d01"),
                                   Occupant{at("01:00.1"), "nouveau"},
                                   Occupant{at("01:00.1"), std::nullopt},
                                   Place{"/etc/a b", 3},
                                   Place{"/etc/\"c\""},
                                   Parameter{"iommu=pt"},
                                   Command{{"a", "b c"}},
                                   Package{"linux"},
                                   Quotation{"what it says"},
                                   Name{"alice"},
                                   inner};
  return {{BootCause::kernel_not_staged, {{"kernel", items}, {"reason", inner}}}};
}

BootFinding refused() {
  const Refusal refusal{RefusalCause::boot_display, {{"gpu", at("01:00.0")}}, {}, {at("01:00.0")}};
  return {.cause = BootCause::refused, .devices = {at("01:00.0")}, .refusal = refusal};
}

/// What version 0.1.0 said of a driver that was not the expected one.
BootFinding quoted() {
  return {.cause = BootCause::quoted,
          .data = {{"text", Quotation{"0000:01:00.0 has nouveau, and vfio-pci was foretold"}}},
          .devices = {at("01:00.0")},
          .quoted_code = "not-as-expected"};
}

}  // namespace

TEST_CASE("A finding that is not understood, as of a later version, is left out") {
  const BootRecord record{"id", "time", "6.1", {}, {refused()}};
  const auto text = render_boot_record(record);
  for (const auto& [from, to] :
       {std::pair("boot-display", "no-such-cause"), std::pair("\"items\": [", "\"items\": [3, "),
        std::pair("\"data\": [", "\"data\": [], \"other\": [")}) {
    auto changed = text;
    changed.replace(changed.find(from), std::string_view(from).size(), to);
    const TemporaryRoot root;
    root.write(boot_record_path, changed);
    const auto read = load_boot_record(*root.reader());
    INFO(changed);
    CHECK((!read || read->findings.empty()));
  }
}

TEST_CASE("The record of a boot is read back the same") {
  const BootRecord records[] = {
      {"id", "2026-11-22T12:00:00Z", "6.1", {}, {}},
      {"id",
       "2026-11-22T12:00:00Z",
       "6.1",
       {{at("01:00.0"), "vfio-pci", std::nullopt}, {at("01:00.1"), std::nullopt, "nouveau"}},
       {{BootCause::card_moved,
         {{"id", test::id("10de:1d01")}, {"from", at("02:00.0")}, {"to", at("01:00.0")}},
         {},
         {at("01:00.0")}},
        {.cause = BootCause::escape_used, .warning = false}},
       BootAction::disabled},
      {"id",
       "2026-11-22T12:00:00Z",
       "6.1",
       {},
       every_item(),
       BootAction::failed,
       "disk \"x\" full"},
      {"id", "2026-11-22T12:00:00Z", "6.1", {}, {refused()}, BootAction::refused},
  };
  for (const auto& record : records) {
    const TemporaryRoot root;
    root.write(boot_record_path, render_boot_record(record));
    CHECK((load_boot_record(*root.reader()) == record));
  }
}

TEST_CASE("The record of a boot that version 0.1.0 wrote is read") {
  const TemporaryRoot root;
  root.write(boot_record_path, R"({
  "schema": 1,
  "boot_id": "5d4f6d0c-2f5f-4b5e-9a0f-3c1f5f0f7a11",
  "time": "2026-11-22T12:00:00Z",
  "kernel": "6.1.0-56-amd64",
  "good": false,
  "devices": [
    {
      "address": "0000:01:00.0",
      "foretold": "vfio-pci",
      "observed": "nouveau"
    }
  ],
  "findings": [
    {
      "code": "not-as-foretold",
      "message": "0000:01:00.0 has nouveau, and vfio-pci was foretold",
      "devices": [
        "0000:01:00.0"
      ],
      "warning": true
    }
  ],
  "action": null
}
)");
  const BootRecord expected{"5d4f6d0c-2f5f-4b5e-9a0f-3c1f5f0f7a11",
                            "2026-11-22T12:00:00Z",
                            "6.1.0-56-amd64",
                            {{at("01:00.0"), "vfio-pci", "nouveau"}},
                            {quoted()}};
  const auto record = load_boot_record(*root.reader());
  CHECK((record == expected));
  const auto written = render_boot_record(expected);
  CHECK_THAT(written, has_text("\"expected\": \"vfio-pci\""));
  CHECK_THAT(written, has_text("\"code\": \"not-as-expected\""));
  CHECK(written.find("\"foretold\"") == std::string::npos);
  root.write(boot_record_path, written);
  CHECK((load_boot_record(*root.reader()) == expected));  // and again, as a quotation
}

TEST_CASE("A damaged record is none: the next check writes it anew") {
  for (const std::string text : {"", "{", "[]", "{\"boot_id\": 7}"}) {
    INFO(text);
    const TemporaryRoot root;
    root.write(boot_record_path, text);
    CHECK_FALSE(load_boot_record(*root.reader()).has_value());
  }
  const TemporaryRoot root;
  CHECK_FALSE(load_boot_record(*root.reader()).has_value());
}

TEST_CASE("Boots are counted, the running one apart") {
  const TemporaryRoot root;
  root.write(boot_count_path, render_boot_count({3, "third"}));
  const auto count = load_boot_count(*root.reader());
  CHECK(count.begun == 3);
  CHECK(count.failed_before("third") == 2);
  CHECK(count.failed_before("fourth") == 3);
  CHECK(BootCount{}.failed_before("") == 0);
  for (const std::string text : {"", "3\n", "x id\n", "3x id\n", "-1 id\n", "1 2 3\n"}) {
    INFO(text);
    root.write(boot_count_path, text);
    CHECK(load_boot_count(*root.reader()).begun == 0);
  }
}

TEST_CASE("A set-up that was put off is remembered, and told of once") {
  const TemporaryRoot root;
  CHECK_FALSE(pending_set_up(*root.reader(), PendingSetUp::any).has_value());
  root.write(set_up_path, "pending: a chroot\n");
  CHECK(pending_set_up(*root.reader(), PendingSetUp::not_told) == ReasonCause::in_chroot);
  root.write(set_up_path, "reported: a chroot\n");
  CHECK(pending_set_up(*root.reader(), PendingSetUp::any) == ReasonCause::in_chroot);
  CHECK_FALSE(pending_set_up(*root.reader(), PendingSetUp::not_told).has_value());
  root.write(set_up_path, "done\n");
  CHECK_FALSE(pending_set_up(*root.reader(), PendingSetUp::any).has_value());
}

TEST_CASE("The host has a display by a connector, or by the firmware's framebuffer") {
  struct Row {
    std::string path;
    bool display;
  };
  const Row rows[] = {
      {"/sys/class/drm/version", false},
      {"/sys/class/drm/card0/dev", false},  // a card without connectors shows nothing
      {"/sys/class/drm/renderD128/dev", false},
      {"/sys/class/drm/card0-Writeback-1/status", false},
      {"/sys/class/drm/card0-HDMI-A-1/status", true},
      {"/sys/class/drm/card10-Virtual-1/status", true},
      {"/sys/class/graphics/fbcon/rotate", false},
      {"/sys/class/graphics/fb0/name", true},
  };
  const auto facts = desktop().facts();
  for (const auto& row : rows) {
    INFO(row.path);
    const TemporaryRoot root;
    root.write(row.path, "");
    CHECK(value_of(has_host_display(*root.reader(), facts)) == row.display);
  }
  const auto boot_gpu_gone =
      desktop().change("00:02.0", [](PciDevice& device) { device.driver = "vfio-pci"; }).facts();
  const TemporaryRoot root;
  root.write("/sys/class/graphics/fb0/name", "");
  CHECK_FALSE(value_of(has_host_display(*root.reader(), boot_gpu_gone)));
}

}  // namespace vfio_switch
