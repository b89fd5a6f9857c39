// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/transaction.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/journalled_state.h"
#include "apply/lock.h"
#include "apply/recovery.h"
#include "catch.h"
#include "system/state/state_store.h"
#include "system/temporary_root.h"

namespace vfio_switch {

using test::error_of;
using test::has_text;
using test::TemporaryRoot;
using test::value_of;

namespace {

namespace fs = std::filesystem;

const std::string image = "/boot/initrd.img-6.1";
constexpr int never = 1'000'000;
const std::string grub_cfg = "/boot/grub/grub.cfg";

/// update-initramfs or mkinitcpio as far as we see them: the one replaces the image by rename, the
/// other writes into the file that it is told. Then they end as told. And update-grub, which writes
/// in place.
class FakeTool final : public CommandRunner {
 public:
  explicit FakeTool(const TemporaryRoot& root) : root_(root) {}

  bool has(const std::string& program) const override { return program == name; }

  Result<CommandResult> run(const Invocation& command, const CommandListener&) override {
    ran.push_back(command.program);
    if (command.program == "update-grub") {
      root_.write(grub_cfg + ".new", grub_writes);
      root_.write(grub_cfg, grub_writes);
      if (grub_status == 0) fs::remove(root_.outside(grub_cfg + ".new"));
      return CommandResult{grub_status, "what update-grub said\n"};
    }
    if (on_run) on_run();
    if (writes_in_place) {
      root_.write(image, exit_status == 0 ? "built" : "bui");
      return CommandResult{exit_status, "what the tool said\n"};
    }
    if (name == "mkinitcpio") {
      const auto option = std::ranges::find(command.arguments, "-g");
      output = *(option + 1);
      root_.write(output, exit_status == 0 ? "built" : "bui");
      return CommandResult{exit_status, "what the tool said\n"};
    }
    root_.write(image + ".new", "built");
    fs::rename(root_.outside(image + ".new"), root_.outside(image));
    return CommandResult{exit_status, "what the tool said\n"};
  }

  std::string name = "update-initramfs";
  std::string output;  ///< where mkinitcpio was told to write
  bool writes_in_place = false;
  int exit_status = 0;
  int grub_status = 0;
  std::string grub_writes = "linux /vmlinuz ro intel_iommu=on\n";
  std::function<void()> on_run;
  std::vector<std::string> ran;

 private:
  const TemporaryRoot& root_;
};

/// A FileStore whose writing operations fail: the one with the given number alone, or it and all
/// that follow, as if the process had been killed there.
class FailingFileStore final : public FileStore {
 public:
  FailingFileStore(FileStore& files, int fails_at, bool stays_dead)
      : files_(files), fails_at_(fails_at), stays_dead_(stays_dead) {}

  bool is_running_system() const override { return files_.is_running_system(); }
  Result<std::optional<std::string>> read(const std::string& path) const override {
    return files_.read(path);
  }
  Result<std::vector<std::string>> list(const std::string& path) const override {
    return files_.list(path);
  }
  Result<std::optional<FileStatus>> status(const std::string& path) const override {
    return files_.status(path);
  }
  std::optional<std::string> read_link(const std::string& path) const override {
    return files_.read_link(path);
  }
  Result<std::optional<UniqueFd>> open_file(const std::string& path) const override {
    return files_.open_file(path);
  }
  Result<std::optional<UniqueFd>> open_directory(const std::string& path) const override {
    return files_.open_directory(path);
  }
  Result<FileState> state(const std::string& path) const override { return files_.state(path); }
  bool exists(const std::string& path) const override { return files_.exists(path); }

  Result<void> replace(const std::string& path, const FileState& wanted) override {
    if (fails()) return fail("no luck with " + path);
    return files_.replace(path, wanted);
  }
  Result<void> append(const std::string& path, const std::string& text) override {
    if (fails()) return fail("no luck with " + path);
    return files_.append(path, text);
  }
  Result<void> keep(const std::string& path, const std::string& as, bool by_link) override {
    if (fails()) return fail("no luck with " + path);
    return files_.keep(path, as, by_link);
  }
  Result<void> put_back(const std::string& as, const std::string& path) override {
    if (fails()) return fail("no luck with " + path);
    return files_.put_back(as, path);
  }
  Result<void> set_aside(const std::string& path, const std::string& as) override {
    if (fails()) return fail("no luck with " + path);
    return files_.set_aside(path, as);
  }
  Result<std::uint64_t> free_space(const std::string& path) const override {
    return path.starts_with("/boot/") ? boot_space : var_space;
  }
  Result<UniqueFd> open_lock(const std::string& path) override { return files_.open_lock(path); }

  std::uint64_t boot_space = 1U << 30U;  ///< bytes that are free
  std::uint64_t var_space = 1U << 30U;

  /// From here on nothing succeeds.
  void die() { fails_at_ = operations_, stays_dead_ = true; }

  [[nodiscard]] bool was_reached() const { return operations_ > fails_at_; }

 private:
  bool fails() {
    const int number = operations_++;
    return number == fails_at_ || (stays_dead_ && number > fails_at_);
  }

  FileStore& files_;
  int fails_at_;
  bool stays_dead_;
  int operations_ = 0;
};

/// A small machine, and the change that the tests make to it.
class TestRoot {
 public:
  explicit TestRoot(InitramfsGenerator generator = InitramfsGenerator::update_initramfs)
      : files(root.store()), tool(root) {
    tool.name = to_string(generator);
    root.write("/etc/modprobe.d/vfio.conf", "before");
    root.write("/etc/modprobe.d/legacy.conf", "legacy");
    root.write(image, "old image");
    root.write(grub_cfg, "linux /vmlinuz ro\n");
    profile.id = "debian";
    profile.initramfs = {generator};
    value_of(make_state_directories(*files));
    const auto state_of = [&](const std::string& path) { return value_of(files->state(path)); };
    diff = {
        FileChange{"/etc/modprobe.d/legacy.conf", state_of("/etc/modprobe.d/legacy.conf"), Absent{},
                   ReasonCause::restored},
        FileChange{"/etc/modprobe.d/vfio.conf", state_of("/etc/modprobe.d/vfio.conf"),
                   RegularFile{"after", 0644, 0, 0}, ReasonCause::restored},
        FileChange{"/etc/modules-load.d/vfio.conf", Absent{}, RegularFile{"new", 0644, 0, 0},
                   ReasonCause::restored},
        RebuildInitramfs{"6.1", image, ReasonCause::restored},
        BootParameters{{"update-grub"},
                       {},
                       {grub_cfg, grub_cfg + ".new"},
                       {"intel_iommu=on"},
                       ReasonCause::grub_passes_rest},
    };
  }

  Result<void> run(FileStore& store, bool rebuild = true) {
    auto journal = value_of(Journal::load(store));
    return Transaction(store, tool, profile, {})
        .run(journal, {"enable", diff, {Intent::enabled, {}, {}}, rebuild});
  }

  Result<std::optional<std::string>> recover() {
    auto journal = value_of(Journal::load(*files));
    const Progress progress;
    return Recovery(*files, tool, progress).recover(journal);
  }

  /// Everything but the journal; what waits in temporary names only if asked for.
  [[nodiscard]] std::map<std::string, std::string> tree(bool temporary = false) const {
    std::map<std::string, std::string> files_found;
    for (const auto& entry : fs::recursive_directory_iterator(root.outside("/"))) {
      const auto path = "/" + fs::relative(entry.path(), root.outside("/")).string();
      if (path.starts_with(state_directory + "/journal")) continue;
      if (!temporary && path.ends_with(".vfio-tmp")) continue;
      files_found[path] = entry.is_regular_file() ? root.content(path) : "directory";
    }
    return files_found;
  }

  TemporaryRoot root;
  std::unique_ptr<FileStore> files;
  FakeTool tool;
  Profile profile;
  Diff diff;
};

}  // namespace

TEST_CASE("A transaction changes the files, remembers the intent, and rebuilds the image") {
  TestRoot stage;
  stage.tool.on_run = [&] {  // the tool finds the files, and the old image kept
    CHECK(stage.root.content("/etc/modprobe.d/vfio.conf") == "after");
    CHECK(value_of(load_state(*stage.files)).intent == Intent::enabled);
    CHECK(stage.tree(true).size() > stage.tree().size());
  };
  value_of(stage.run(*stage.files));
  CHECK(stage.root.content("/etc/modprobe.d/vfio.conf") == "after");
  CHECK(stage.root.content("/etc/modules-load.d/vfio.conf") == "new");
  CHECK_FALSE(stage.files->exists("/etc/modprobe.d/legacy.conf"));
  CHECK(stage.root.content(image) == "built");
  CHECK(stage.tool.ran == std::vector<std::string>{"update-initramfs", "update-grub"});
  CHECK(stage.root.content(grub_cfg) == stage.tool.grub_writes);
  CHECK(stage.tree(true) == stage.tree());
  CHECK(value_of(stage.recover()) == std::nullopt);
}

TEST_CASE("Without a rebuild the image is left alone") {
  TestRoot stage;
  value_of(stage.run(*stage.files, false));
  CHECK(stage.tool.ran == std::vector<std::string>{"update-grub"});
  CHECK(stage.root.content(image) == "old image");
  CHECK(stage.root.content("/etc/modprobe.d/vfio.conf") == "after");
}

TEST_CASE("A rebuild that fails is told in the tool's words, and everything is put back") {
  TestRoot stage;
  const auto before = stage.tree(true);
  stage.tool.exit_status = 1;
  const auto error = error_of(stage.run(*stage.files));
  CHECK_THAT(error.message, has_text("what the tool said"));
  CHECK_THAT(error.message, has_text("6.1"));
  CHECK_THAT(error.remedy, has_text("All changes were undone"));
  CHECK(stage.tree(true) == before);
  CHECK(stage.tool.ran.size() == 1);  // the old image was put back, not built anew
}

TEST_CASE("A boot loader's tool that fails is told in its words, and what it wrote is put back") {
  TestRoot stage;
  const auto before = stage.tree(true);
  stage.tool.grub_status = 1;
  const auto error = error_of(stage.run(*stage.files));
  CHECK_THAT(error.message, has_text("update-grub failed with exit status 1"));
  CHECK_THAT(error.message, has_text("what update-grub said"));
  CHECK(stage.tree(true) == before);
}

TEST_CASE("A boot loader's tool that leaves the parameter out has failed") {
  TestRoot stage;
  const auto before = stage.tree(true);
  stage.tool.grub_writes = "linux /vmlinuz ro quiet\ninitrd /initrd.img intel_iommu=on\n";
  const auto error = error_of(stage.run(*stage.files));
  CHECK_THAT(error.message, has_text(grub_cfg + " without intel_iommu=on"));
  CHECK(stage.tree(true) == before);
}

TEST_CASE("What a boot loader's tool wrote is known until something else writes it") {
  TestRoot stage;
  value_of(stage.run(*stage.files));
  const auto outputs = value_of(Journal::load(*stage.files)).boot_outputs();
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0].path == grub_cfg);
  CHECK(std::get<RegularFile>(outputs[0].before).content == "linux /vmlinuz ro\n");
  CHECK(same_content(outputs[0].after, value_of(stage.files->state(grub_cfg))));
  CHECK(std::holds_alternative<Absent>(outputs[1].before));

  stage.root.write(grub_cfg, "linux /vmlinuz-of-a-later-kernel ro\n");
  stage.diff = {stage.diff.back()};
  value_of(stage.run(*stage.files));
  const auto later = value_of(Journal::load(*stage.files)).boot_outputs();
  CHECK(later.size() == 1);  // grub.cfg.new: it came and went
}

TEST_CASE("Settings of ours that a tool wrote anew, in its own form, are still ours") {
  TestRoot stage;
  const auto original = value_of(stage.files->state(grub_cfg));
  const auto settings = [&] {
    const auto changes = value_of(Journal::load(*stage.files)).changed_paths();
    const auto found = std::ranges::find(changes, grub_cfg, &FileChange::path);
    REQUIRE(found != changes.end());
    return *found;
  };
  const auto edit_and_run = [&](const std::string& text) {
    const auto now = value_of(stage.files->state(grub_cfg));
    const auto tool = stage.diff.back();
    stage.diff = {FileChange{grub_cfg, now, RegularFile{text, 0644, 0, 0},
                             ReasonCause::parameters_added, true},
                  tool};
    value_of(stage.run(*stage.files));
  };
  edit_and_run("linux /vmlinuz  ro  intel_iommu=on\n");
  CHECK(same_content(settings().after, value_of(stage.files->state(grub_cfg))));
  stage.tool.grub_writes = "linux /vmlinuz ro intel_iommu=on iommu=pt\n";
  edit_and_run("linux /vmlinuz  ro  intel_iommu=on iommu=pt\n");
  CHECK(settings().before == original);
  CHECK(same_content(settings().after, value_of(stage.files->state(grub_cfg))));

  // What somebody has edited is written anew as well, and is theirs.
  const auto left = settings().after;
  stage.root.write(grub_cfg, "linux /vmlinuz rw intel_iommu=on iommu=pt\n");
  stage.diff = {stage.diff.back()};
  value_of(stage.run(*stage.files));
  CHECK(same_content(settings().after, left));
}

TEST_CASE("A tool that writes into images is given another name, until the image is whole") {
  TestRoot stage(InitramfsGenerator::mkinitcpio);
  value_of(stage.run(*stage.files));
  CHECK(stage.root.content(image) == "built");
  CHECK(stage.tool.output == fresh_path(image));
  CHECK(stage.tool.output != image);
  CHECK(stage.tree(true) == stage.tree());

  TestRoot failing(InitramfsGenerator::mkinitcpio);
  failing.tool.exit_status = 1;
  failing.tool.on_run = [&] { CHECK(failing.root.content(image) == "old image"); };
  const auto before = failing.tree(true);
  CHECK_THAT(error_of(failing.run(*failing.files)).message, has_text("mkinitcpio failed"));
  CHECK(failing.tree(true) == before);
}

TEST_CASE("A file that somebody changed in the meantime is left to them") {
  TestRoot stage;
  stage.root.write("/etc/modprobe.d/vfio.conf", "somebody's");
  const auto before = stage.tree(true);
  const auto error = error_of(stage.run(*stage.files));
  CHECK(error.kind == ErrorKind::refused);
  CHECK_THAT(error.message, has_text("/etc/modprobe.d/vfio.conf"));
  CHECK(stage.root.content("/etc/modprobe.d/vfio.conf") == "somebody's");
  CHECK(stage.tool.ran.empty());
}

TEST_CASE("Whichever write fails, everything is as it was or as it should be") {
  const auto generator =
      GENERATE(InitramfsGenerator::update_initramfs, InitramfsGenerator::mkinitcpio);
  int number = 0;
  for (bool reached = true; reached; ++number) {
    INFO("operation " << number << " fails");
    TestRoot stage(generator);
    const auto before = stage.tree();
    FailingFileStore failing(*stage.files, number, false);
    const auto done = stage.run(failing);
    reached = failing.was_reached();
    const auto recovered = stage.recover();  // the next run
    CHECK(recovered);
    if (done) {
      CHECK(stage.root.content(image) == "built");
      CHECK(stage.root.content("/etc/modprobe.d/vfio.conf") == "after");
    } else {
      CHECK(stage.tree() == before);
    }
  }
  CHECK(number > 10);
}

TEST_CASE("Killed at any write, the next run finds everything as it was or as it should be") {
  const auto generator =
      GENERATE(InitramfsGenerator::update_initramfs, InitramfsGenerator::mkinitcpio);
  int number = 0;
  for (bool reached = true; reached; ++number) {
    INFO("killed at operation " << number);
    TestRoot stage(generator);
    const auto before = stage.tree();
    FailingFileStore failing(*stage.files, number, true);
    const auto done = stage.run(failing);
    reached = failing.was_reached();
    CHECK(stage.recover());
    CHECK(value_of(stage.recover()) == std::nullopt);  // once is enough
    if (done) {
      CHECK(stage.root.content(image) == "built");
    } else {
      CHECK(stage.tree() == before);
      CHECK_FALSE(fs::exists(stage.root.outside("/etc/modules-load.d")));
    }
  }
  CHECK(number > 10);
}

namespace {

/// A run that is killed once its tool has begun to write the image.
void die_while_building(TestRoot& stage) {
  FailingFileStore dying(*stage.files, never, true);
  stage.tool.exit_status = 1;
  stage.tool.on_run = [&] { dying.die(); };
  CHECK_FALSE(stage.run(dying));
  stage.root.write(image, "half an im");  // as a tool that writes in place leaves it
  stage.tool.on_run = {};
}

void set_modified(const TestRoot& stage, const std::string& path, int seconds_from_now) {
  fs::last_write_time(stage.root.outside(path),
                      fs::file_time_type::clock::now() + std::chrono::seconds(seconds_from_now));
}

}  // namespace

TEST_CASE("An image that somebody built after a crash stays") {
  TestRoot stage;
  die_while_building(stage);
  stage.root.write(image, "built by hand since");
  set_modified(stage, image, 60);
  const auto said = value_of(stage.recover());
  REQUIRE(said);
  CHECK_THAT(*said, has_text("not restored, because it was changed by another program: " + image));
  CHECK(stage.root.content(image) == "built by hand since");
  CHECK(stage.root.content("/etc/modprobe.d/vfio.conf") == "before");
  CHECK(stage.tree(true) == stage.tree());
  CHECK(value_of(stage.recover()) == std::nullopt);
}

TEST_CASE("A half-written image is replaced by the one that was kept") {
  TestRoot stage;
  die_while_building(stage);
  REQUIRE(value_of(stage.recover()));
  CHECK(stage.root.content(image) == "old image");
  CHECK(stage.tree(true) == stage.tree());
}

TEST_CASE("Recovery waits for a file system that is not mounted, and keeps its copies") {
  TestRoot stage;
  die_while_building(stage);
  fs::rename(stage.root.outside("/boot"), stage.root.outside("/boot-that-is-not-mounted"));
  stage.root.make_directory("/boot");
  for (int attempts = 0; attempts < 2; ++attempts) {
    const auto error = error_of(stage.recover());
    CHECK_THAT(error.message, has_text("/boot is empty or not mounted"));
    CHECK_THAT(error.remedy, has_text("Mount it"));
  }
  fs::remove(stage.root.outside("/boot"));
  fs::rename(stage.root.outside("/boot-that-is-not-mounted"), stage.root.outside("/boot"));
  REQUIRE(value_of(stage.recover()));
  CHECK(stage.root.content(image) == "old image");
  CHECK(stage.tree(true) == stage.tree());
}

TEST_CASE("Where /boot is short, the copy of an image that is written in place lies below /var") {
  TestRoot stage(InitramfsGenerator::limine_mkinitcpio);
  stage.tool.writes_in_place = true;
  stage.diff.pop_back();
  FailingFileStore cramped(*stage.files, never, false);
  cramped.boot_space = 4;  // bytes; the image has nine
  bool was_kept = false;
  stage.tool.on_run = [&] {
    was_kept = stage.root.content(kept_path_elsewhere(image)) == "old image" &&
               !fs::exists(stage.root.outside(kept_path(image)));
  };
  stage.tool.exit_status = 1;
  const auto before = stage.tree(true);
  CHECK_FALSE(stage.run(cramped));
  CHECK(was_kept);
  CHECK(stage.tree(true) == before);
  CHECK_FALSE(fs::exists(stage.root.outside(kept_path_elsewhere(image))));

  cramped.var_space = 4;
  stage.tool.ran.clear();
  const auto error = error_of(stage.run(cramped));
  CHECK(error.kind == ErrorKind::refused);
  CHECK_THAT(error.message, has_text("no-space: /boot has 1 MiB free"));
  CHECK_THAT(error.message, has_text("/var/lib/vfio-switch either"));
  CHECK(stage.tool.ran.empty());
  CHECK(stage.tree(true) == before);
}

TEST_CASE("Where there is no room for a tool's own file, nothing is begun") {
  TestRoot stage;
  FailingFileStore cramped(*stage.files, never, false);
  cramped.boot_space = 8;
  const auto before = stage.tree(true);
  const auto error = error_of(stage.run(cramped));
  CHECK(error.kind == ErrorKind::refused);
  CHECK_THAT(error.message, has_text("no-space: /boot has 1 MiB free, and building its images"));
  CHECK(stage.tool.ran.empty());
  CHECK(stage.tree(true) == before);
  CHECK(value_of(stage.recover()) == std::nullopt);
}

}  // namespace vfio_switch
