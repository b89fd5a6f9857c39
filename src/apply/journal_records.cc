// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/journal_records.h"

#include <algorithm>
#include <utility>

#include "apply/pre_images.h"

namespace vfio_switch {

namespace {

/// Puts in the bytes that a state was journalled with. Where they are lost: an Error, or, while
/// something is salvaged, one more of `problems`.
Result<void> fill_in(const FileReader& files, FileState& state,
                     std::vector<std::string>* problems) {
  auto filled = fill_in(files, state);
  if (filled || problems == nullptr) return filled;
  problems->push_back(filled.error().message);
  return {};
}

Result<void> read_boot_runs(const Json& begin, const FileReader& files, JournalEntry& entry,
                            std::vector<std::string>* problems) {
  for (const auto& record : begin.value("boot_runs", Json::array())) {
    BootRun run{record.at("undo"), {}};
    for (const auto& output : record.at("outputs")) {
      FileChange file{output.at("path"), state_from(output.at("before")), Absent{}, {}, true};
      if (auto filled = fill_in(files, file.before, problems); !filled) return filled;
      run.outputs.push_back(std::move(file));
    }
    entry.boot_runs.push_back(std::move(run));
  }
  return {};
}

}  // namespace

Json json_of(const FileChange& change) {
  Json json = {
      {"path", change.path}, {"before", json_of(change.before)}, {"after", json_of(change.after)}};
  if (change.boot_parameters) json["boot"] = true;
  return json;
}

Result<JournalEntry> read_begin(const Json& begin, const FileReader& files,
                                std::vector<std::string>* problems) {
  JournalEntry entry;
  entry.id = begin.at("id").get<int>();
  entry.verb = begin.at("verb").get<std::string>();
  entry.images = begin.at("images").get<std::vector<std::string>>();
  entry.copies = begin.value("copies", std::vector<std::string>());
  entry.copy_commands = begin.value("copy_commands", std::vector<std::vector<std::string>>());
  entry.forgets = begin.value("forgets", false);
  if (auto read = read_boot_runs(begin, files, entry, problems); !read) return failure_of(read);
  for (const auto& change : begin.at("changes")) {
    FileChange file{change.at("path"),
                    state_from(change.at("before")),
                    state_from(change.at("after")),
                    {},
                    change.value("boot", false)};
    if (auto filled = fill_in(files, file.before, problems); !filled) return failure_of(filled);
    entry.changes.push_back(std::move(file));
  }
  return entry;
}

Result<Json> begin_boot_run(FileStore& files, const BootParameters& boot, JournalEntry& entry) {
  BootRun run{boot.undo, {}};
  Json outputs = Json::array();
  for (const auto& path : boot.outputs) {
    auto state = files.state(path);
    if (!state) return failure_of(state);
    if (auto kept = keep_pre_image(files, *state); !kept) return failure_of(kept);
    outputs.push_back({{"path", path}, {"before", json_of(*state)}});
    run.outputs.push_back({path, std::move(*state), Absent{}, {}, true});
  }
  entry.boot_runs.push_back(std::move(run));
  return Json{{"undo", boot.undo}, {"outputs", outputs}};
}

std::string odd_name(const JournalEntry& entry) {
  std::vector<std::string> paths = entry.images;
  paths.insert(paths.end(), entry.copies.begin(), entry.copies.end());
  for (const auto& change : entry.changes) paths.push_back(change.path);
  for (const auto& run : entry.boot_runs) {
    for (const auto& output : run.outputs) paths.push_back(output.path);
  }
  const auto found = std::ranges::find_if(paths, [](const std::string& path) {
    try {
      return Json(path).dump().empty();
    } catch (const Json::exception&) {
      return true;
    }
  });
  return found == paths.end() ? "a file" : *found;
}

}  // namespace vfio_switch
