// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/hibernation.h"

#include <string>
#include <utility>

#include "catch.h"

namespace vfio_switch {

namespace {

/// A machine whose running kernel got `running`, and whose next boot gets `next`.
SystemFacts machine(const std::string& running, const std::string& next) {
  SystemFacts facts;
  facts.command_line = running;
  BootEntry entry;
  entry.command_line = next;
  facts.boot_menu.entries.push_back(std::move(entry));
  mark_default(facts.boot_menu, 0);
  return facts;
}

const Place setting{"/etc/initramfs-tools/conf.d/resume", 1};

}  // namespace

TEST_CASE("The file of Debian's installer names the device to resume from") {
  CHECK(find_resume_setting("RESUME=UUID=1111-aaaa\n") == setting);
  CHECK(find_resume_setting("# by hand\nRESUME=\"/dev/sda2\"\n") == Place{setting.path, 2});
  CHECK(find_resume_setting("RESUME=none\nRESUME=/dev/sda2\n") == Place{setting.path, 2});
  for (const auto* text : {"", "RESUME=none\n", "RESUME=auto\n", "RESUME=\n", "#RESUME=/dev/sda2\n",
                           "RESUME=/dev/sda2\nRESUME=none\n", "RESUME=\"/dev/sda2\n"}) {
    INFO(text);
    CHECK(find_resume_setting(text) == std::nullopt);
  }
}

TEST_CASE("A machine hibernates if a command line or that file says from where it resumes") {
  const Item parameter = Parameter{"resume=/dev/sda2"};
  CHECK(find_hibernation(machine("ro quiet", "ro quiet")) == std::nullopt);
  CHECK(find_hibernation(machine("ro", "ro resume=/dev/sda2 quiet")) == parameter);
  CHECK(find_hibernation(machine("ro resume=/dev/sda2\n", "ro")) == parameter);
  CHECK(find_hibernation(machine("ro resume=none", "resume= resume_offset=7")) == std::nullopt);
  auto facts = machine("ro", "ro");
  facts.resume_setting = setting;
  CHECK(find_hibernation(facts) == Item(setting));
  facts.boot_menu = {};
  facts.command_line = "ro resume=/dev/sda2";
  CHECK(find_hibernation(facts) == parameter);
}

TEST_CASE("A command line may turn hibernation off") {
  for (const auto* word : {"noresume", "nohibernate", "hibernate=no", "hibernate=noresume"}) {
    INFO(word);
    auto facts = machine("ro", std::string("ro resume=/dev/sda2 ") + word);
    CHECK(find_hibernation(facts) == std::nullopt);
    facts = machine(std::string("ro ") + word, "ro");
    facts.resume_setting = setting;
    CHECK(find_hibernation(facts) == std::nullopt);
  }
}

}  // namespace vfio_switch
