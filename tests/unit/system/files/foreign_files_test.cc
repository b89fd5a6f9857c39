// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/foreign_files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <map>

#include "../temporary_root.h"
#include "system/modules/modprobe_config.h"

using namespace vfio_switch;
using test::TemporaryRoot;

TEST_CASE("Each odd kind of file is told from the others") {
  const TemporaryRoot root;
  root.write("/etc/text", "words\n");
  root.write("/etc/empty", "");
  root.write("/etc/nul", std::string("a\0b", 3));
  root.link("/etc/masked", "/dev/null");
  root.link("/etc/dangling", "/etc/nowhere");
  root.link("/etc/loop", "loop");
  root.link("/etc/behind-a-link", "text");
  root.link("/etc/link-to-fifo", "fifo");
  root.make_directory("/etc/directory");
  REQUIRE(::mkfifo(root.outside("/etc/fifo").c_str(), 0600) == 0);
  root.write("/etc/large", "");
  REQUIRE(::truncate(root.outside("/etc/large").c_str(), (16 << 20) + 1) == 0);
  const std::map<std::string, std::pair<ForeignKind, std::string>> expected = {
      {"text", {ForeignKind::text, "words\n"}},
      {"empty", {ForeignKind::text, ""}},
      {"nul", {ForeignKind::text, std::string("a\0b", 3)}},
      {"behind-a-link", {ForeignKind::text, "words\n"}},
      {"absent", {ForeignKind::absent, ""}},
      {"text/below-a-file", {ForeignKind::absent, ""}},
      {"masked", {ForeignKind::masked, ""}},
      {"dangling", {ForeignKind::dangling, ""}},
      {"loop", {ForeignKind::looping, ""}},
      {"directory", {ForeignKind::directory, ""}},
      {"fifo", {ForeignKind::special, ""}},
      {"link-to-fifo", {ForeignKind::special, ""}},
      {"large", {ForeignKind::too_large, ""}},
  };
  const auto reader = root.reader();
  for (const auto& [name, wanted] : expected) {
    INFO(name);
    const auto file = read_foreign(*reader, "/etc/" + name);
    CHECK(file.kind == wanted.first);
    CHECK(file.text == wanted.second);
    const bool is_unknown = wanted.first >= ForeignKind::directory;
    CHECK(file.why.empty() == !is_unknown);
  }
}

TEST_CASE("The null device is an empty file, by whatever way it is reached") {
  if (::geteuid() != 0) return;  // takes root to make a device
  const TemporaryRoot root;
  root.make_directory("/dev");
  if (::mknod(root.outside("/dev/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) return;
  root.link("/etc/first", "second");
  root.link("/etc/second", "../dev/null");
  const auto reader = root.reader();
  const auto file = read_foreign(*reader, "/etc/first");
  // A file system that is mounted without devices has none to be read.
  if (file.kind == ForeignKind::unreadable) return;
  CHECK(file.kind == ForeignKind::text);
  CHECK(file.text.empty());
}

TEST_CASE("Unknowns are remembered once, with their paths, and end nothing") {
  const TemporaryRoot root;
  root.make_directory("/etc/a.conf");
  root.write("/etc/b.conf", "b");
  root.write("/etc/.hidden.conf", "hidden");
  root.write("/etc/c", "no such name");
  const auto reader = root.reader();
  ForeignFiles files(*reader);
  CHECK(files.paths("/etc", ".conf") == std::vector<std::string>{"/etc/a.conf", "/etc/b.conf"});
  CHECK(files.text("/etc/a.conf").empty());
  CHECK(files.text("/etc/a.conf").empty());
  CHECK(files.text("/etc/b.conf") == "b");
  CHECK_FALSE(files.find("/etc/none.conf"));
  CHECK(files.names("/none").empty());
  CHECK(files.unread() == std::vector<UnreadFile>{{"/etc/a.conf", "it is a directory"}});
}

TEST_CASE("modprobe's directories are read as libkmod reads them") {
  const TemporaryRoot root;
  root.link("/usr/lib/x86_64-linux-gnu/libkmod.so.2", "libkmod.so.2.4.0");
  root.write("/etc/modprobe.d/a.conf", "options a x=1\n");
  root.write("/etc/modprobe.d/b.alias", "options b x=1\n");
  root.write("/etc/modprobe.d/.hidden.conf", "options hidden x=1\n");
  root.write("/etc/modprobe.d/README", "options readme x=1\n");
  root.make_directory("/etc/modprobe.d/directory.conf");
  root.write("/lib/modprobe.d/directory.conf", "options behind x=1\n");
  root.link("/etc/modprobe.d/masked.conf", "/dev/null");
  root.write("/lib/modprobe.d/masked.conf", "options masked x=1\n");
  const auto reader = root.reader();
  ForeignFiles files(*reader);
  const auto lines = parse_modprobe(effective_modprobe(read_modprobe_config(files)));
  std::vector<std::string> subjects;
  for (const auto& line : lines) subjects.push_back(line.subject);
  CHECK(subjects == std::vector<std::string>{"a", "b", "behind"});
  CHECK(files.unread().empty());
}

TEST_CASE("A FIFO, or what a dangling link hides by chance, is an unknown of modprobe's") {
  const TemporaryRoot root;
  root.make_directory("/etc/modprobe.d");
  REQUIRE(::mkfifo(root.outside("/etc/modprobe.d/fifo.conf").c_str(), 0600) == 0);
  root.link("/etc/modprobe.d/alone.conf", "/nowhere");
  root.link("/etc/modprobe.d/both.conf", "/nowhere");
  root.write("/lib/modprobe.d/both.conf", "options both x=1\n");
  const auto reader = root.reader();
  ForeignFiles files(*reader);
  (void)read_modprobe_config(files);
  std::vector<std::string> paths;
  for (const auto& file : files.unread()) paths.push_back(file.path);
  CHECK(paths ==
        std::vector<std::string>{"/etc/modprobe.d/fifo.conf", "/lib/modprobe.d/both.conf"});
}
