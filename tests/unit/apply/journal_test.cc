// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/journal.h"

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "apply/journalled_state.h"
#include "apply/lock.h"
#include "catch.h"
#include "core/base/sha256.h"
#include "core/binding/generated_files.h"
#include "system/state/state_store.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::error_of;
using test::has_text;
using test::TemporaryRoot;
using test::value_of;

namespace {

const std::string journal_path = state_directory + "/journal";
const std::string log_path = journal_path + "/log";

RegularFile text(std::string content, unsigned mode = 0644) {
  return {std::move(content), mode, 0, 0};
}

const Diff first = {
    FileChange{"/etc/a", text("a before", 0600), text("a after"), ReasonCause::restored},
    FileChange{"/etc/b", Absent{}, text("b after"), ReasonCause::restored},
    FileChange{"/etc/c", SymbolicLink{"/dev/null"}, Absent{}, ReasonCause::restored},
    FileChange{"/etc/d", Absent{}, Directory{0755, 0, 0}, ReasonCause::restored},
    RebuildInitramfs{"6.1", "/boot/initrd.img-6.1", ReasonCause::restored},
};

/// A root with the directories of the journal.
class JournalRoot : public TemporaryRoot {
 public:
  JournalRoot() : files_(store()) { value_of(make_state_directories(*files_)); }

  [[nodiscard]] FileStore& files() { return *files_; }
  [[nodiscard]] Journal load() const { return value_of(Journal::load(*files_)); }
  [[nodiscard]] std::string log() const { return content(log_path); }

 private:
  std::unique_ptr<FileStore> files_;
};

}  // namespace

TEST_CASE("A journal that does not exist is empty") {
  JournalRoot root;
  const auto journal = root.load();
  CHECK(journal.interrupted() == nullptr);
  CHECK(journal.changed_paths().empty());
  CHECK_FALSE(root.files().exists(log_path));
}

TEST_CASE("The journal is for root alone") {
  const JournalRoot root;
  CHECK((std::filesystem::status(root.outside(journal_path)).permissions() &
         std::filesystem::perms::mask) == std::filesystem::perms::owner_all);
}

TEST_CASE("A transaction that was begun and not ended is found again, with its pre-images") {
  JournalRoot root;
  auto journal = root.load();
  const auto id = value_of(journal.begin(root.files(), "enable", first));
  value_of(journal.done(root.files(), id, 0));
  REQUIRE(journal.interrupted() != nullptr);

  const auto again = root.load();
  const auto* entry = again.interrupted();
  REQUIRE(entry != nullptr);
  CHECK(entry->id == id);
  CHECK(entry->verb == "enable");
  CHECK(entry->images == std::vector<std::string>{"/boot/initrd.img-6.1"});
  REQUIRE(entry->changes.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    INFO(entry->changes[i].path);
    const auto& wanted = std::get<FileChange>(first[i]);
    CHECK(entry->changes[i].path == wanted.path);
    CHECK((entry->changes[i].before == wanted.before));  // bytes, mode and owner
    CHECK(same_content(entry->changes[i].after, wanted.after));
  }
  CHECK(again.changed_paths().empty());  // it was not committed
}

TEST_CASE("A transaction that ended is not interrupted, and only a committed one counts") {
  JournalRoot root;
  auto journal = root.load();
  const auto id = value_of(journal.begin(root.files(), "enable", first));
  SECTION("committed") {
    value_of(journal.committed(root.files(), id));
    CHECK(journal.interrupted() == nullptr);
    CHECK(root.load().interrupted() == nullptr);
    CHECK(root.load().changed_paths().size() == 4);
  }
  SECTION("undone") {
    value_of(journal.undone(root.files(), id));
    CHECK(journal.interrupted() == nullptr);
    CHECK(root.load().interrupted() == nullptr);
    CHECK(root.load().changed_paths().empty());
  }
}

TEST_CASE("Of each path the first before and the last after are known, in order") {
  JournalRoot root;
  const std::vector<Diff> transactions = {
      first,
      {FileChange{"/etc/x", Absent{}, text("x"), ReasonCause::restored},
       FileChange{"/etc/a", text("a after"), text("a later"), ReasonCause::restored}},
      {FileChange{"/etc/x", text("x"), Absent{}, ReasonCause::restored}},
  };
  for (const auto& diff : transactions) {
    auto journal = root.load();  // each run is a process of its own
    const auto id = value_of(journal.begin(root.files(), "enable", diff));
    value_of(journal.committed(root.files(), id));
  }
  auto journal = root.load();
  const auto undone = value_of(journal.begin(
      root.files(), "disable",
      {FileChange{"/etc/a", text("a later"), text("a undone"), ReasonCause::restored}}));
  value_of(journal.undone(root.files(), undone));
  CHECK(undone == 4);

  const auto changes = root.load().changed_paths();
  REQUIRE(changes.size() == 5);
  CHECK(changes[0].path == "/etc/a");
  CHECK((changes[0].before == FileState(text("a before", 0600))));
  CHECK(same_content(changes[0].after, text("a later")));
  CHECK(changes[4].path == "/etc/x");
  CHECK((changes[4].before == FileState(Absent{})));
  CHECK((changes[4].after == FileState(Absent{})));
}

TEST_CASE("A torn last record was never acted upon: it is cut off, wherever it was torn") {
  JournalRoot whole;
  auto journal = whole.load();
  const auto id = value_of(journal.begin(whole.files(), "enable", first));
  value_of(journal.committed(whole.files(), id));
  const auto log = whole.log();
  const auto begin = log.find('\n') + 1;
  const auto committed = log.rfind("{\"committed\"");
  for (std::size_t length = 0; length < log.size(); ++length) {
    INFO("torn after " << length << " of " << log.size() << " bytes");
    whole.write(log_path, log.substr(0, length));
    auto torn = whole.load();
    CHECK((torn.interrupted() != nullptr) == (length >= committed));
    CHECK(torn.changed_paths().empty());
    if (length != begin && length != begin + 5 && length != committed && length != committed + 5) {
      continue;
    }
    // The next transaction stands behind what was whole.
    const auto next = value_of(torn.begin(whole.files(), "disable", first));
    const auto again = whole.load();
    REQUIRE(again.interrupted() != nullptr);
    CHECK(again.interrupted()->verb == "disable");
    CHECK(again.interrupted()->id == next);
    CHECK(next == (length >= committed ? 2 : 1));
  }
}

TEST_CASE("A journal that was torn in its very first line starts anew") {
  JournalRoot root;
  root.write(log_path, "{\"jour");
  auto journal = root.load();
  const auto id = value_of(journal.begin(root.files(), "enable", first));
  CHECK(id == 1);
  CHECK(root.log().starts_with("{\"journal\":1}\n"));
  REQUIRE(root.load().interrupted() != nullptr);
}

TEST_CASE("A damaged line is an error that names file and line") {
  JournalRoot root;
  auto journal = root.load();
  value_of(journal.begin(root.files(), "enable", first));
  const auto log = root.log();
  for (const std::string line :
       {"garbage", "{", "{\"begin\":{}}", "{\"committed\":{\"id\":7}}", "{\"committed\":{}}",
        "{\"begin\":{\"id\":\"x\",\"verb\":1,\"changes\":[],\"images\":[]}}"}) {
    INFO(line);
    root.write(log_path, log + line + "\n" + "{\"committed\":{\"id\":1}}\n");
    const auto error = error_of(Journal::load(root.files()));
    CHECK_THAT(error.message, has_text(log_path + ":3: "));
    CHECK_FALSE(error.remedy.empty());
  }
}

TEST_CASE("A journal of a newer version is refused, with the way out") {
  JournalRoot root;
  root.write(log_path, "{\"journal\":2}\n{\"future\":{}}\n");
  const auto error = error_of(Journal::load(root.files()));
  CHECK_THAT(error.message, has_text("newer version"));
  CHECK_THAT(error.remedy, has_text("Upgrade"));
}

TEST_CASE("A pre-image that is missing or damaged is noticed") {
  JournalRoot root;
  auto journal = root.load();
  value_of(journal.begin(root.files(), "enable", first));
  const auto pre_image = journal_path + "/pre-images/" + sha256("a before");
  CHECK(root.content(pre_image) == "a before");
  SECTION("missing") {
    std::filesystem::remove(root.outside(pre_image));
  }
  SECTION("damaged") {
    root.write(pre_image, "a befor");
  }
  CHECK_THAT(error_of(Journal::load(root.files())).message, has_text(pre_image));
}

TEST_CASE("A cleared journal remembers nothing, and can be begun again") {
  JournalRoot root;
  auto journal = root.load();
  value_of(journal.committed(root.files(), value_of(journal.begin(root.files(), "enable", first))));
  value_of(journal.clear(root.files()));
  CHECK(journal.changed_paths().empty());
  CHECK_FALSE(root.files().exists(log_path));
  CHECK(value_of(root.files().list(journal_path + "/pre-images")).empty());
  CHECK(value_of(journal.begin(root.files(), "enable", first)) == 1);
  CHECK(root.load().interrupted() != nullptr);
}

TEST_CASE("A link whose target is no UTF-8 is journalled like any other") {
  JournalRoot root;
  const Diff diff = {
      FileChange{"/etc/a", SymbolicLink{"caf\xe9"}, Absent{}, ReasonCause::restored}};
  auto journal = root.load();
  CHECK_NOTHROW(value_of(journal.begin(root.files(), "enable", diff)));
  const auto again = root.load();
  REQUIRE(again.interrupted() != nullptr);
  CHECK((again.interrupted()->changes[0].before == FileState(SymbolicLink{"caf\xe9"})));
}

TEST_CASE("What somebody else put there in between is what a rollback gives back") {
  JournalRoot root;
  const auto change = [&](const FileState& before, const FileState& after) {
    auto journal = root.load();
    const auto id = value_of(journal.begin(
        root.files(), "enable", {FileChange{"/etc/a", before, after, ReasonCause::restored}}));
    value_of(journal.committed(root.files(), id));
    return value_of(Journal::load(root.files())).changed_paths().at(0).before;
  };
  const FileState ours = text(render_modules_load());  // with its own digest
  CHECK(change(text("first"), ours) == FileState(text("first")));
  CHECK(change(text("edited"), ours) == FileState(text("edited")));
  CHECK(change(Absent{}, ours) == FileState(text("edited")));  // it was lost, not changed
  const FileState older = text(disabled_form(render_modules_load()));
  CHECK(change(older, ours) == FileState(text("edited")));  // a snapshot brought it back
}

TEST_CASE("What a rollback has given back is not given back again") {
  JournalRoot root;
  for (const bool forgets : {false, true}) {
    auto journal = root.load();
    const auto id = value_of(journal.begin(root.files(), "any", first, forgets));
    CHECK_FALSE(journal.is_to_forget());
    value_of(journal.committed(root.files(), id));
    CHECK(root.load().is_to_forget() == forgets);
  }
  CHECK(root.load().changed_paths().empty());
}

TEST_CASE("What a crash left behind is found, and nothing else") {
  JournalRoot root;
  auto journal = root.load();
  const auto id = value_of(journal.begin(root.files(), "enable", first));
  value_of(journal.committed(root.files(), id));
  CHECK(value_of(journal.leftovers(root.files())).empty());
  const std::vector<std::string> left = {"/boot/.initrd.img-6.1.vfio-tmp",
                                         "/etc/.a.vfio-tmp",
                                         state_directory + "/.boot-menu.json.vfio-tmp",
                                         state_directory + "/.state.json.vfio-tmp",
                                         journal_path + "/.log.vfio-tmp",
                                         journal_path + "/pre-images/" + std::string(64, '0')};
  for (const auto& path : left) root.write(path, "half");
  root.write("/etc/.z.vfio-tmp", "not ours");
  CHECK(value_of(root.load().leftovers(root.files())) == left);
}

TEST_CASE("Extended attributes are journalled, whatever bytes they are") {
  JournalRoot root;
  auto file = text("before");
  file.attributes = {{"security.selinux", std::string("a\0\xff", 3)}, {"user.empty", ""}};
  auto journal = root.load();
  (void)value_of(journal.begin(root.files(), "enable",
                               {FileChange{"/etc/a", file, Absent{}, ReasonCause::restored}}));
  CHECK(root.load().interrupted()->changes.at(0).before == FileState(file));
}

TEST_CASE("A state directory that others can write to is refused") {
  const TemporaryRoot root;
  const auto files = root.store();
  const auto own = GENERATE(as<std::string>{}, "", "/journal", "/journal/pre-images");
  root.make_directory(state_directory + own);
  std::filesystem::permissions(root.outside(state_directory + own), std::filesystem::perms(0775));
  const auto error = error_of(make_state_directories(*files));
  CHECK_THAT(error.message, has_text(state_directory + own + " is writable by other users"));
}

TEST_CASE("Two states are the same if kind and content are, whatever the mode") {
  CHECK(same_content(text("a"), text("a", 0600)));
  CHECK_FALSE(same_content(text("a"), text("b")));
  CHECK_FALSE(same_content(text(""), Absent{}));
  CHECK(same_content(Absent{}, Absent{}));
  CHECK(same_content(SymbolicLink{"a"}, SymbolicLink{"a"}));
  CHECK_FALSE(same_content(SymbolicLink{"a"}, SymbolicLink{"b"}));
  CHECK_FALSE(same_content(SymbolicLink{"a"}, text("a")));
  CHECK(same_content(Directory{0755, 0, 0}, Directory{0700, 1, 1}));
  CHECK_FALSE(same_content(Directory{}, Absent{}));
}

TEST_CASE("One process at a time may change the machine") {
  JournalRoot root;
  {
    const auto lock = Lock::take(root.files(), "enable", std::chrono::seconds(0));
    REQUIRE(lock);
    const auto error = error_of(Lock::take(root.files(), "disable", std::chrono::seconds(0)));
    CHECK_THAT(error.message, has_text("'enable', process " + std::to_string(::getpid())));
    CHECK_FALSE(error.remedy.empty());
  }
  CHECK(Lock::take(root.files(), "disable", std::chrono::seconds(0)));
}

}  // namespace vfio_switch
