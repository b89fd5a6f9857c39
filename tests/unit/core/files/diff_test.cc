// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/files/diff.h"

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "core/tell/message_text.h"
#include "told.h"

namespace vfio_switch {

namespace {

const FileState a = RegularFile{"a", 0644, 0, 0};
const FileState b = RegularFile{"b", 0600, 1, 2};
const FileState link = SymbolicLink{"/dev/null"};

const Diff every_kind = {
    FileChange{"/etc/new", Absent{}, a, ReasonCause::restored},
    FileChange{"/etc/gone", b, Absent{}, ReasonCause::restored},
    FileChange{"/etc/changed", a, b, ReasonCause::restored},
    FileChange{"/etc/link", link, a, ReasonCause::restored},
    FileChange{"/etc/directory", Absent{}, Directory{}, ReasonCause::restored},
    RebuildInitramfs{"6.12", "/boot/initrd.img-6.12", ReasonCause::restored},
    RebuildInitramfs{"6.1", "/boot/initrd.img-6.1", ReasonCause::restored},
};

std::vector<FileChange> files_without_reasons(const Diff& diff) {
  std::vector<FileChange> files;
  for (const auto& change : diff) {
    if (const auto* file = std::get_if<FileChange>(&change)) {
      files.push_back(*file);
      files.back().reason = {};
    }
  }
  return files;
}

std::vector<std::string> rebuilds(const Diff& diff) {
  std::vector<std::string> releases;
  for (const auto& change : diff) {
    if (const auto* rebuild = std::get_if<RebuildInitramfs>(&change)) {
      releases.push_back(rebuild->release);
    }
  }
  return releases;
}

}  // namespace

TEST_CASE("A change says its kind to programs and what it will do to people") {
  const std::vector<std::string> kinds = {
      "write", "remove", "write", "write", "write", "rebuild-initramfs", "rebuild-initramfs"};
  for (std::size_t i = 0; i < every_kind.size(); ++i) CHECK(kind(every_kind[i]) == kinds[i]);
  CHECK(test::described(every_kind) ==
        std::vector<std::string>{"write /etc/new", "remove /etc/gone", "write /etc/changed",
                                 "write /etc/link", "write /etc/directory",
                                 "rebuild /boot/initrd.img-6.12", "rebuild /boot/initrd.img-6.1"});
}

TEST_CASE("What decides about the kernel command line is a kind of its own") {
  const Change setting = FileChange{"/etc/default/grub", a, b, ReasonCause::restored, true};
  const Change run = BootParameters{{"grub-mkconfig", "-o", "/boot/grub/grub.cfg"},
                                    {},
                                    {"/boot/grub/grub.cfg"},
                                    {"intel_iommu=on"},
                                    ReasonCause::grub_passes_rest};
  CHECK(kind(setting) == "boot-parameters");
  CHECK(test::plain(action_text(setting)) == "write /etc/default/grub");
  CHECK(kind(run) == "boot-parameters");
  CHECK(test::plain(action_text(run)) == "run grub-mkconfig -o /boot/grub/grub.cfg");
  CHECK(reason_of(run) == Reason(ReasonCause::grub_passes_rest));
  CHECK_FALSE(has_file_changes({setting, run}));  // no initramfs holds a copy of them
  CHECK(std::get<FileChange>(inverse({setting, run}).at(0)).boot_parameters);
}

TEST_CASE("The inverse takes back every file, last change first, and rebuilds at the end") {
  const auto back = inverse(every_kind);
  CHECK(test::described(back) ==
        std::vector<std::string>{"remove /etc/directory", "write /etc/link", "write /etc/changed",
                                 "write /etc/gone", "remove /etc/new",
                                 "rebuild /boot/initrd.img-6.12", "rebuild /boot/initrd.img-6.1"});
  const auto forth = files_without_reasons(every_kind);
  const auto files = files_without_reasons(back);
  REQUIRE(files.size() == forth.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& opposite = forth[forth.size() - 1 - i];
    CHECK(files[i].path == opposite.path);
    CHECK((files[i].before == opposite.after));
    CHECK((files[i].after == opposite.before));
  }
}

TEST_CASE("The inverse of the inverse changes the same files and rebuilds the same images") {
  const auto twice = inverse(inverse(every_kind));
  CHECK((files_without_reasons(twice) == files_without_reasons(every_kind)));
  CHECK(rebuilds(twice) == rebuilds(every_kind));
  CHECK(inverse({}).empty());
}

TEST_CASE("A diff knows whether it changes files") {
  CHECK(has_file_changes(every_kind));
  CHECK_FALSE(has_file_changes({}));
  CHECK_FALSE(
      has_file_changes({RebuildInitramfs{"6.1", "/boot/initrd.img-6.1", ReasonCause::restored}}));
}

}  // namespace vfio_switch
