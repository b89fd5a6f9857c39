// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/file_store.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "catch.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::error_of;
using test::has_text;
using test::TemporaryRoot;
using test::value_of;

namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;

RegularFile regular(std::string content, unsigned mode = 0644) {
  return {std::move(content), mode, ::geteuid(), ::getegid()};
}

struct stat status_of(const TemporaryRoot& root, const std::string& path) {
  struct stat status{};
  REQUIRE(::lstat(root.outside(path).c_str(), &status) == 0);
  return status;
}

unsigned mode_of(const TemporaryRoot& root, const std::string& path) {
  return status_of(root, path).st_mode & 07777U;
}

}  // namespace

TEST_CASE("Files below the root are read whole, and nothing is read where nothing stands") {
  const TemporaryRoot root;
  root.write("/etc/a", std::string("a\0b\n", 4));
  root.write("/etc/empty", "");
  const auto files = root.reader();
  CHECK(value_of(files->read("/etc/a")) == std::string("a\0b\n", 4));
  CHECK(value_of(files->read("/etc/empty")) == std::string());
  CHECK_FALSE(value_of(files->read("/etc/none")));
  CHECK_FALSE(value_of(files->read("/none/at/all")));
  CHECK_FALSE(value_of(files->read("/etc/a/below-a-file")));
}

TEST_CASE("What is no regular file is an error, and nothing waits for it") {
  const TemporaryRoot root;
  root.make_directory("/etc");
  REQUIRE(::mkfifo(root.outside("/etc/fifo").c_str(), 0600) == 0);
  const auto files = root.reader();
  const auto fifo = error_of(files->read("/etc/fifo"));
  CHECK(fifo.message == "/etc/fifo is a FIFO, a device or a socket");
  CHECK(fifo.code == ENODEV);
  const auto directory = error_of(files->read("/etc"));
  CHECK(directory.message == "/etc is a directory");
  CHECK(directory.code == EISDIR);
  const auto error = error_of(files->state("/etc/fifo"));
  CHECK_THAT(error.message, has_text("/etc/fifo"));
  CHECK_FALSE(error.remedy.empty());
}

TEST_CASE("A file larger than 16 MiB is an error, one of 16 MiB is not") {
  const TemporaryRoot root;
  root.write("/large", "");
  const auto files = root.reader();
  fs::resize_file(root.outside("/large"), 16U << 20U);
  CHECK(value_of(files->read("/large"))->size() == 16U << 20U);
  fs::resize_file(root.outside("/large"), (16U << 20U) + 1);
  CHECK_THAT(error_of(files->read("/large")).message, has_text("/large is larger than 16 MiB"));
}

TEST_CASE("The names in a directory are listed in order") {
  const TemporaryRoot root;
  for (const std::string name : {"b", "a", "c.conf", ".hidden"}) root.write("/etc/d/" + name, "");
  root.make_directory("/etc/d/directory");
  root.make_directory("/empty");
  const auto files = root.reader();
  CHECK(value_of(files->list("/etc/d")) == Names{".hidden", "a", "b", "c.conf", "directory"});
  CHECK(value_of(files->list("/etc/d")).size() == 5);  // a second time, too
  CHECK(value_of(files->list("/empty")).empty());
  CHECK(value_of(files->list("/none")).empty());
  CHECK(value_of(files->list("/etc/d/a")).empty());
}

TEST_CASE("What stands at a path is told, and a link is not followed") {
  const TemporaryRoot root;
  root.write("/etc/file", "content");
  fs::permissions(root.outside("/etc/file"), fs::perms(0640));
  root.link("/etc/link", "file");
  root.link("/etc/dangling", "/none");
  const auto files = root.reader();

  const auto file = std::get<RegularFile>(value_of(files->state("/etc/file")));
  CHECK(file.content == "content");
  CHECK(file.mode == 0640);
  CHECK(file.uid == ::geteuid());
  CHECK(std::get<SymbolicLink>(value_of(files->state("/etc/link"))).target == "file");
  CHECK(std::get<SymbolicLink>(value_of(files->state("/etc/dangling"))).target == "/none");
  CHECK(std::holds_alternative<Directory>(value_of(files->state("/etc"))));
  CHECK(std::holds_alternative<Absent>(value_of(files->state("/none"))));
  CHECK(std::holds_alternative<Absent>(value_of(files->state("/etc/file/below"))));

  CHECK(value_of(files->status("/etc/file"))->kind == FileKind::regular);
  CHECK(value_of(files->status("/etc/link"))->kind == FileKind::symbolic_link);
  CHECK(value_of(files->status("/etc"))->kind == FileKind::directory);
  CHECK_FALSE(value_of(files->status("/none")));
  CHECK(files->read_link("/etc/link") == "file");
  CHECK_FALSE(files->read_link("/etc/file"));
  CHECK_FALSE(files->read_link("/none"));
  CHECK(files->exists("/etc/link"));
  CHECK_FALSE(files->exists("/etc/dangling"));
}

TEST_CASE("Links that lead out of the root resolve inside it") {
  const TemporaryRoot root;
  root.write("/target", "inside");
  root.link("/etc/absolute", "/target");
  root.link("/etc/upward", "../../../../../../../../../../target");
  root.link("/etc/directory", "/real");
  root.make_directory("/real");
  const auto files = root.store();
  CHECK(value_of(files->read("/etc/absolute")) == "inside");
  CHECK(value_of(files->read("/etc/upward")) == "inside");
  CHECK(value_of(files->read("/../../target")) == "inside");

  value_of(files->replace("/etc/directory/new", regular("x")));
  CHECK(root.content("/real/new") == "x");
}

TEST_CASE("A file on this machine is not reached through a link") {
  const TemporaryRoot root;
  const TemporaryRoot elsewhere;
  elsewhere.write("/secret", "outside");
  root.link("/etc/link", elsewhere.outside("/secret"));
  const auto files = root.store();
  CHECK_FALSE(value_of(files->read("/etc/link")));
  CHECK_FALSE(files->append("/etc/link", "x"));
  CHECK(elsewhere.content("/secret") == "outside");
}

TEST_CASE("A file is replaced with its mode, and nothing else is left in the directory") {
  const TemporaryRoot root;
  root.make_directory("/etc");
  const auto files = root.store();
  for (const unsigned mode : {0644U, 0600U, 0755U}) {
    value_of(files->replace("/etc/a", regular("content " + std::to_string(mode), mode)));
    CHECK(root.content("/etc/a") == "content " + std::to_string(mode));
    CHECK(mode_of(root, "/etc/a") == mode);
    CHECK(value_of(files->list("/etc")) == Names{"a"});
  }
  value_of(files->replace("/etc/a", regular("")));
  CHECK(root.content("/etc/a").empty());
}

TEST_CASE("A replaced file is a new one: who has the old one open keeps it") {
  const TemporaryRoot root;
  root.write("/etc/a", "old");
  fs::create_hard_link(root.outside("/etc/a"), root.outside("/etc/second-name"));
  value_of(root.store()->replace("/etc/a", regular("new")));
  CHECK(root.content("/etc/a") == "new");
  CHECK(root.content("/etc/second-name") == "old");
}

TEST_CASE("What a crash left of a replacement does not disturb the next one") {
  const TemporaryRoot root;
  root.write("/etc/.a.vfio-tmp", "half");
  const auto files = root.store();
  value_of(files->replace("/etc/a", regular("whole")));
  CHECK(root.content("/etc/a") == "whole");
  CHECK(value_of(files->list("/etc")) == Names{"a"});

  root.link("/etc/.a.vfio-tmp", "/etc/victim");
  root.write("/etc/victim", "untouched");
  value_of(files->replace("/etc/a", regular("again")));
  CHECK(root.content("/etc/victim") == "untouched");
  CHECK(root.content("/etc/a") == "again");
}

TEST_CASE("A symbolic link in the place of a file is replaced, never followed") {
  const TemporaryRoot root;
  root.write("/etc/target", "untouched");
  root.link("/etc/a", "target");
  value_of(root.store()->replace("/etc/a", regular("new")));
  CHECK(root.content("/etc/target") == "untouched");
  CHECK(fs::is_regular_file(fs::symlink_status(root.outside("/etc/a"))));
  CHECK(root.content("/etc/a") == "new");
}

TEST_CASE("Links, directories and absence are put in place too") {
  const TemporaryRoot root;
  root.write("/etc/file", "x");
  root.make_directory("/etc/full/inside");
  const auto files = root.store();

  value_of(files->replace("/etc/file", SymbolicLink{"/dev/null"}));
  CHECK(fs::read_symlink(root.outside("/etc/file")) == "/dev/null");
  value_of(files->replace("/etc/file", Absent{}));
  CHECK_FALSE(fs::exists(fs::symlink_status(root.outside("/etc/file"))));
  value_of(files->replace("/etc/file", Absent{}));  // it is absent already

  value_of(files->replace("/etc/directory", Directory{0700, ::geteuid(), ::getegid()}));
  CHECK(mode_of(root, "/etc/directory") == 0700);
  value_of(files->replace("/etc/directory", Directory{0755, ::geteuid(), ::getegid()}));
  CHECK(mode_of(root, "/etc/directory") == 0755);
  value_of(files->replace("/etc/directory", Absent{}));
  CHECK_FALSE(fs::exists(root.outside("/etc/directory")));

  value_of(files->replace("/etc/full", Absent{}));  // what others put there stays
  CHECK(fs::exists(root.outside("/etc/full/inside")));
}

TEST_CASE("A replacement that fails names the path, changes nothing and leaves nothing behind") {
  const TemporaryRoot root;
  root.make_directory("/etc/a/inside");
  const auto files = root.store();
  const FileState wanted = GENERATE(FileState(RegularFile{"x", 0644, ::geteuid(), ::getegid()}),
                                    FileState(SymbolicLink{"/dev/null"}));
  const auto error = error_of(files->replace("/etc/a", wanted));
  CHECK_THAT(error.message, has_text("/etc/a"));
  CHECK(error.code != 0);
  CHECK(value_of(files->list("/etc")) == Names{"a"});
  CHECK(value_of(files->list("/etc/a")) == Names{"inside"});

  CHECK_THAT(error_of(files->replace("/none/a", wanted)).message, has_text("/none/a"));
  CHECK_FALSE(fs::exists(root.outside("/none")));
}

TEST_CASE("Text is appended, in a file that only its owner may read") {
  const TemporaryRoot root;
  root.make_directory("/var");
  const auto files = root.store();
  value_of(files->append("/var/log", "one\n"));
  value_of(files->append("/var/log", "two\n"));
  CHECK(root.content("/var/log") == "one\ntwo\n");
  CHECK(mode_of(root, "/var/log") == 0600);
  CHECK_FALSE(files->append("/none/log", "x"));
}

TEST_CASE("Text that finds no room is not appended by halves") {
  const TemporaryRoot root;
  root.make_directory("/var");
  const auto files = root.store();
  value_of(files->append("/var/log", "one\n"));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  (void)std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto done = files->append("/var/log", "a second line\n");  // its beginning finds room
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK_THAT(error_of(done).message, has_text("/var/log"));
  CHECK(root.content("/var/log") == "one\n");
}

TEST_CASE("Nothing but a regular file is appended to, or locked, and nothing waits for it") {
  const TemporaryRoot root;
  root.make_directory("/var/directory");
  root.write("/var/file", "x");
  root.link("/var/link", "file");
  REQUIRE(::mkfifo(root.outside("/var/fifo").c_str(), 0600) == 0);
  const auto files = root.store();
  for (const std::string path : {"/var/directory", "/var/link", "/var/fifo"}) {
    CAPTURE(path);
    CHECK_FALSE(files->append(path, "y"));
    CHECK_FALSE(files->open_lock(path));
  }
  CHECK(root.content("/var/file") == "x");
}

TEST_CASE("An image that is no regular file cannot be kept") {
  const TemporaryRoot root;
  root.make_directory("/boot");
  root.link("/boot/image", "elsewhere");
  const auto files = root.store();
  CHECK_THAT(error_of(files->keep("/boot/image", "/boot/.kept", true)).message,
             has_text("/boot/image is not a regular file"));
  CHECK(value_of(files->list("/boot")) == Names{"image"});
}

TEST_CASE("Extended attributes stay with a file that is replaced, kept and put back") {
  const TemporaryRoot root;
  root.write("/etc/a", "before");
  const auto path = root.outside("/etc/a");
  const std::string name = ::geteuid() == 0 ? "trusted.note" : "user.note";
  const std::string value("a \0 byte", 8);
  if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
    WARN("skipped: " << path << " can have no " << name);
    return;
  }
  const auto files = root.store();
  const auto before = value_of(files->state("/etc/a"));
  CHECK(std::get<RegularFile>(before).attributes.at(name) == value);
  value_of(files->keep("/etc/a", "/etc/.kept", false));
  value_of(files->replace("/etc/a", regular("after")));
  CHECK(std::get<RegularFile>(value_of(files->state("/etc/a"))).attributes.at(name) == value);
  value_of(files->replace("/etc/a", Absent{}));
  value_of(files->replace("/etc/a", before));
  CHECK(value_of(files->state("/etc/a")) == before);
  value_of(files->put_back("/etc/.kept", "/etc/a"));
  CHECK(value_of(files->state("/etc/a")) == before);
}

TEST_CASE("A file is kept under a second name and put back") {
  const TemporaryRoot root;
  root.write("/boot/image", "before");
  fs::permissions(root.outside("/boot/image"), fs::perms(0640));
  const auto before = status_of(root, "/boot/image");
  const auto files = root.store();
  const bool by_link = GENERATE(true, false);
  CAPTURE(by_link);

  value_of(files->keep("/boot/image", "/boot/.image.kept", by_link));
  CHECK(root.content("/boot/.image.kept") == "before");
  const auto kept = status_of(root, "/boot/.image.kept");
  CHECK((kept.st_ino == before.st_ino) == by_link);
  CHECK((kept.st_mode & 07777U) == 0640);
  CHECK(kept.st_mtim.tv_sec == before.st_mtim.tv_sec);
  CHECK(kept.st_mtim.tv_nsec == before.st_mtim.tv_nsec);

  SECTION("after the file was replaced") {
    value_of(files->replace("/boot/image", regular("after")));
    value_of(files->put_back("/boot/.image.kept", "/boot/image"));
  }
  SECTION("after the file was removed") {
    value_of(files->replace("/boot/image", Absent{}));
    value_of(files->put_back("/boot/.image.kept", "/boot/image"));
  }
  SECTION("where nothing happened in between") {
    value_of(files->put_back("/boot/.image.kept", "/boot/image"));
  }
  SECTION("what was kept before gives way") {
    value_of(files->keep("/boot/image", "/boot/.image.kept", by_link));
    value_of(files->put_back("/boot/.image.kept", "/boot/image"));
  }
  SECTION("a copy outlives a tool that writes in place") {
    if (!by_link) root.write("/boot/image", "overwritten");
    value_of(files->put_back("/boot/.image.kept", "/boot/image"));
  }
  CHECK(root.content("/boot/image") == "before");
  CHECK(mode_of(root, "/boot/image") == 0640);
  CHECK(status_of(root, "/boot/image").st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  CHECK(value_of(files->list("/boot")) == Names{"image"});
}

TEST_CASE("What is not there cannot be kept, nor put back") {
  const TemporaryRoot root;
  root.make_directory("/boot");
  const auto files = root.store();
  CHECK_THAT(error_of(files->keep("/boot/image", "/boot/.kept", true)).message,
             has_text("/boot/image"));
  CHECK_THAT(error_of(files->put_back("/boot/.kept", "/boot/image")).message,
             has_text("/boot/image"));
  CHECK(value_of(files->list("/boot")).empty());
}

TEST_CASE("A root that is none is an error that names it") {
  const TemporaryRoot root;
  root.write("/file", "");
  for (const auto& path : {root.outside("/none").string(), root.outside("/file").string()}) {
    CHECK_THAT(error_of(open_reader(path)).message, has_text(path));
    CHECK_THAT(error_of(open_store(path)).message, has_text(path));
  }
}

TEST_CASE("A renaming anywhere on the machine does not disturb reading through '..'") {
  // openat2(2) gives up with EAGAIN where a rename might have moved what '..' leads to.
  const TemporaryRoot root;
  root.write("/sys/devices/pci/card/vendor", "0x10de\n");
  root.link("/sys/bus/devices/card", "../../devices/pci/card");
  root.make_directory("/elsewhere/a");
  const auto files = root.store();
  std::atomic<bool> done = false;
  std::thread renamer([&] {
    const auto a = root.outside("/elsewhere/a");
    const auto b = root.outside("/elsewhere/b");
    while (!done) {
      std::filesystem::rename(a, b);
      std::filesystem::rename(b, a);
    }
  });
  int failures = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto read = files->read("/sys/bus/devices/card/vendor");
    if (!read || *read != "0x10de\n") ++failures;
  }
  done = true;
  renamer.join();
  CHECK(failures == 0);
}

}  // namespace vfio_switch
