// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/modprobe_config.h"

#include <string>
#include <vector>

#include "catch.h"
#include "system/temporary_root.h"

namespace vfio_switch {

namespace {

using test::TemporaryRoot;
using Words = std::vector<std::string>;

struct Read {
  Words subjects;
  Words unread;
};

Read read(const TemporaryRoot& root, UnknownRelease unknown = UnknownRelease::makes_unread) {
  const auto reader = root.reader();
  ForeignFiles files(*reader);
  Read read;
  for (const auto& line :
       parse_modprobe(effective_modprobe(read_modprobe_config(files, unknown)))) {
    read.subjects.push_back(line.subject);
  }
  for (const auto& file : files.unread()) read.unread.push_back(file.path);
  return read;
}

}  // namespace

TEST_CASE("The installed libkmod says by which rules modprobe.d is read") {
  struct Row {
    const char* link;
    const char* target;
    std::optional<int> release;
  };
  const Row rows[] = {
      {"/usr/lib/x86_64-linux-gnu/libkmod.so.2", "libkmod.so.2.4.0", 30},
      {"/usr/lib64/libkmod.so.2", "libkmod.so.2.5.1", 34},
      {"/usr/lib/libkmod.so.2", "/usr/lib/libkmod.so.2.5.0", 33},
      {"/lib/x86_64-linux-gnu/libkmod.so.2", "libkmod.so.2.3.6", 28},
      {"/usr/lib/aarch64-linux-gnu/libkmod.so.2", "libkmod.so.2.5.1", 34},
      {"/usr/lib/libkmod.so.2", "libkmod.so.2.9.0", std::nullopt},
  };
  for (const auto& row : rows) {
    INFO(row.link << " -> " << row.target);
    const TemporaryRoot root;
    root.link(row.link, row.target);
    CHECK(read_modprobe_rules(*root.reader()).release == row.release);
  }
  CHECK_FALSE(read_modprobe_rules(*TemporaryRoot().reader()).release);
}

TEST_CASE("A dangling link hides by chance, and since kmod 34 nothing") {
  for (const auto* library : {"libkmod.so.2.4.0", "libkmod.so.2.5.0", "libkmod.so.2.5.1"}) {
    INFO(library);
    const bool is_passed_over = std::string(library) == "libkmod.so.2.5.1";
    const TemporaryRoot root;
    root.link("/usr/lib/libkmod.so.2", library);
    root.link("/etc/modprobe.d/a.conf", "nowhere");
    root.link("/etc/modprobe.d/b.conf", "b.conf");
    root.write("/lib/modprobe.d/a.conf", "blacklist a\n");
    root.write("/lib/modprobe.d/b.conf", "blacklist b\n");
    const auto found = read(root);
    CHECK(found.subjects == (is_passed_over ? Words{"a", "b"} : Words{}));
    CHECK(found.unread ==
          (is_passed_over ? Words{} : Words{"/lib/modprobe.d/a.conf", "/lib/modprobe.d/b.conf"}));
  }
}

TEST_CASE("A directory that kmod 32 added counts where it is another one") {
  for (const auto* library : {"libkmod.so.2.4.1", "libkmod.so.2.4.2"}) {
    for (const bool merged : {false, true}) {
      INFO(library << merged);
      const TemporaryRoot root;
      root.link("/usr/lib64/libkmod.so.2", library);
      root.write("/usr/lib/modprobe.d/a.conf", "blacklist usr\n");
      if (merged) {
        root.link("/lib", "usr/lib");
      } else {
        root.write("/lib/modprobe.d/a.conf", "blacklist lib\n");
      }
      const bool is_usr = merged || std::string(library) == "libkmod.so.2.4.2";
      CHECK(read(root).subjects == Words{is_usr ? "usr" : "lib"});
    }
  }
}

TEST_CASE("What only some releases read is unread where the release is not known") {
  const TemporaryRoot root;
  root.write("/etc/modprobe.d/a.alias", "blacklist a\n");
  CHECK(read(root).unread == Words{"/etc/modprobe.d/a.alias"});
  CHECK(read(root, UnknownRelease::is_left).unread.empty());
  root.link("/usr/lib/libkmod.so.2", "libkmod.so.2.5.0");
  CHECK(read(root).unread.empty());
  CHECK(read(root).subjects.empty());
}

}  // namespace vfio_switch
