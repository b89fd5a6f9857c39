// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/packages/package_db.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "core/base/text.h"
#include "system/files/best_effort.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

namespace {

const std::string database = "/var/lib/pacman";
const std::string local = database + "/local";
constexpr std::string_view helper_name = "vfio-switch-alpm";

bool has_database(const FileReader& files) {
  // Without this file libalpm would take the directory for a new database and write to it.
  return files.exists(local + "/ALPM_DB_VERSION");
}

std::string find_helper() {
  std::array<char, 4096> buffer{};
  const auto length = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  std::vector<std::string> candidates = {"/usr/lib/vfio-switch/" + std::string(helper_name)};
  if (length > 0) {
    const std::string self(buffer.data(), static_cast<std::size_t>(length));
    candidates.insert(candidates.begin(),
                      self.substr(0, self.rfind('/') + 1) + std::string(helper_name));
  }
  for (const auto& path : candidates) {
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

/// Runs a program to its end; what it printed where it succeeded. Descriptor 3 is `directory`.
std::optional<std::string> run_helper(const std::string& program, std::vector<std::string> words,
                                      int directory) {
  constexpr int inherited = 3;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  // Moved to a number that the child does not use.
  const UniqueFd far_directory(::fcntl(directory, F_DUPFD_CLOEXEC, 10));
  UniqueFd far_writer(::fcntl(writer.get(), F_DUPFD_CLOEXEC, 10));
  if (!far_directory || !far_writer) return std::nullopt;
  writer = UniqueFd();
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return std::nullopt;
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, far_writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, far_directory.get(), inherited);
  words.insert(words.begin(), program);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string setting = "LC_ALL=C.UTF-8";
  std::array<char*, 2> environment = {setting.data(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(),
                                   environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return std::nullopt;
  far_writer = UniqueFd();  // the last one of ours: reading ends when the child does
  std::string output;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto count = ::read(reader.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return output;
}

/// One package of the local database: "%SECTION%", its lines, an empty one.
struct Entry {
  std::string directory;
  std::string name;
  std::vector<std::string> provides;  ///< without versions

  [[nodiscard]] bool satisfies(std::string_view wanted) const {
    return name == wanted || std::ranges::find(provides, wanted) != provides.end();
  }
};

std::vector<Entry> read_entries(const FileReader& files) {
  std::vector<Entry> entries;
  for (const auto& name : names_in(files, local)) {
    const auto directory = local + "/" + name;
    const auto content = text_of(files, directory + "/desc");
    if (content.empty()) continue;
    Entry entry{directory, {}, {}};
    std::string_view section;
    for (const auto line : split_lines(content)) {
      if (line.starts_with('%')) {
        section = line;
      } else if (!line.empty() && section == "%NAME%") {
        entry.name = line;
      } else if (!line.empty() && section == "%PROVIDES%") {
        entry.provides.emplace_back(line.substr(0, line.find_first_of("<>=")));
      }
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool owns(const FileReader& files, const Entry& entry, std::string_view path) {
  const auto content = text_of(files, entry.directory + "/files");
  return std::ranges::any_of(split_lines(content), [&](auto line) { return line == path; });
}

std::string owner_of(const FileReader& files, std::vector<Entry>& entries, const Kernel& kernel) {
  const auto path = "usr/lib/modules/" + kernel.release + "/vmlinuz";
  // The most likely package comes first, since the lists of all packages are long.
  std::ranges::stable_partition(entries, [&](const Entry& e) { return e.name == kernel.package; });
  for (const auto& entry : entries) {
    if (owns(files, entry, path)) return entry.name;
  }
  return {};
}

}  // namespace

std::optional<PackageFacts> ask_libalpm(const FileReader& files,
                                        const std::vector<Kernel>& kernels) {
  const auto helper = find_helper();
  if (helper.empty() || !has_database(files)) return std::nullopt;
  const auto directory = files.open_directory(database);
  if (!directory || !*directory) return std::nullopt;
  std::vector<std::string> words = {"/proc/self/fd/3"};
  for (const auto& kernel : kernels) words.push_back(kernel.release + "=" + kernel.package);
  const auto output = run_helper(helper, std::move(words), (*directory)->get());
  if (!output) return std::nullopt;
  return parse_packages(*output);
}

std::optional<PackageFacts> read_pacman_database(const FileReader& files,
                                                 const std::vector<Kernel>& kernels) {
  if (!has_database(files)) return std::nullopt;
  auto entries = read_entries(files);
  PackageFacts facts;
  for (const auto& entry : entries) {
    if (std::ranges::find(entry.provides, nvidia_module_provision) != entry.provides.end()) {
      facts.graphics_drivers.push_back(entry.name);
    }
    facts.dkms = facts.dkms || entry.satisfies("dkms");
  }
  std::ranges::sort(facts.graphics_drivers);
  for (const auto generator : known_generators) {
    const bool installed = std::ranges::any_of(
        entries, [&](const Entry& entry) { return entry.satisfies(generator); });
    if (installed) facts.generators.emplace_back(generator);
  }
  for (const auto& kernel : kernels) {
    facts.kernels.push_back({kernel.release, owner_of(files, entries, kernel)});
  }
  return facts;
}

std::optional<PackageFacts> read_packages(const FileReader& files,
                                          const std::vector<Kernel>& kernels) {
  if (auto asked = ask_libalpm(files, kernels)) return asked;
  return read_pacman_database(files, kernels);
}

}  // namespace vfio_switch
