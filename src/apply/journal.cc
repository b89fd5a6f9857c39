// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/journal.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "apply/journal_records.h"
#include "apply/journalled_state.h"
#include "apply/pre_images.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

constexpr int version = 1;
const std::string journal_directory = state_directory + "/journal";
const std::string log_path = journal_directory + "/log";

}  // namespace

Result<Journal> Journal::load(const FileReader& files) {
  for (;;) {
    const auto text = files.read(log_path);
    if (!text) return std::unexpected(text.error());
    if (!*text) return Journal();
    auto journal = parse(**text, files);
    if (journal) return journal;
    // A rollback may just have removed what the log told of.
    const auto again = files.read(log_path);
    if (!again || *again == *text) return journal;
  }
}

Journal Journal::salvage(const FileReader& files, std::vector<std::string>& problems) {
  Journal journal;
  const auto text = files.read(log_path);
  if (!text) problems.push_back(text.error().message);
  if (!text || !*text) return journal;
  const auto end = (*text)->rfind('\n');
  const auto whole = end == std::string::npos ? std::string() : (*text)->substr(0, end + 1);
  if (whole.size() != (*text)->size()) journal.repaired_ = whole;
  int number = 0;
  for (const auto line : split_lines(whole)) {
    ++number;
    if (auto parsed = journal.parse_line(std::string(line), files, &problems); !parsed) {
      problems.push_back(log_path + ":" + std::to_string(number) + ": " + parsed.error().message);
    }
  }
  journal.exists_ = number > 0;
  return journal;
}

Result<Journal> Journal::parse(const std::string& text, const FileReader& files) {
  Journal journal;
  const auto end = text.rfind('\n');
  const auto whole = end == std::string::npos ? std::string() : text.substr(0, end + 1);
  if (whole.size() != text.size()) journal.repaired_ = whole;
  int number = 0;
  for (const auto line : split_lines(whole)) {
    ++number;
    auto parsed = journal.parse_line(std::string(line), files, nullptr);
    if (parsed) continue;
    auto error = std::move(parsed).error();
    error.message = log_path + ":" + std::to_string(number) + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  journal.exists_ = number > 0;
  return journal;
}

Result<void> Journal::parse_line(const std::string& line, const FileReader& files,
                                 std::vector<std::string>* problems) {
  try {
    const auto json = Json::parse(line);
    const auto entry_of = [&](const Json& record) -> JournalEntry& {
      const auto found = std::ranges::find(entries_, record.at("id").get<int>(), &JournalEntry::id);
      if (found == entries_.end()) throw std::out_of_range("unknown transaction");
      return *found;
    };
    if (json.contains("journal")) {
      if (json["journal"].get<int>() > version) {
        return fail("the journal was written by a newer version of vfio-switch",
                    "Upgrade vfio-switch.");
      }
    } else if (json.contains("begin")) {
      auto entry = read_begin(json["begin"], files, problems);
      if (!entry) return failure_of(entry);
      entries_.push_back(std::move(*entry));
    } else if (json.contains("kept")) {
      const auto& record = json["kept"];
      auto& entry = entry_of(record);
      for (const auto& one : record.at("images")) {
        entry.kept.push_back({one.at("image"), one.at("as"), one.at("in_place")});
      }
      entry.is_kept = true;
    } else if (json.contains("written")) {
      const auto& record = json["written"];
      auto& run = entry_of(record).boot_runs.at(record.at("run").get<std::size_t>());
      run.is_done = true;
      for (std::size_t i = 0; i < run.outputs.size(); ++i) {
        run.outputs[i].after = state_from(record.at("after").at(i));
      }
    } else if (json.contains("committed")) {
      entry_of(json["committed"]).end = JournalEntry::End::committed;
    } else if (json.contains("undone")) {
      entry_of(json["undone"]).end = JournalEntry::End::undone;
    }
    return {};
  } catch (const std::exception& error) {
    return fail(std::string("the journal is damaged: ") + error.what(),
                "Nothing was changed. Restore " + journal_directory +
                    " from a backup, or remove "
                    "it; without it 'vfio-switch rollback' is not possible.");
  }
}

const JournalEntry* Journal::last() const {
  return entries_.empty() ? nullptr : &entries_.back();
}

const JournalEntry* Journal::interrupted() const {
  const auto* entry = last();
  return entry != nullptr && entry->end == JournalEntry::End::open ? entry : nullptr;
}

bool Journal::is_to_forget() const {
  const auto* entry = last();
  return entry != nullptr && entry->forgets && entry->end == JournalEntry::End::committed;
}

Result<std::vector<std::string>> Journal::leftovers(const FileReader& files) const {
  std::set<std::string> suspects = {temporary_path(log_path),
                                    temporary_path(state_path),
                                    temporary_path(images_path),
                                    temporary_path(menu_record_path),
                                    builder_path(),
                                    temporary_path(builder_path())};
  std::set<std::string> needed;
  for (const auto& entry : entries_) {
    for (const auto& change : entry.changes) {
      suspects.insert(temporary_path(change.path));
      if (const auto* bytes = bytes_of(change.before)) needed.insert(digest_of(*bytes));
    }
    for (const auto& run : entry.boot_runs) {
      for (const auto& output : run.outputs) {
        suspects.insert(temporary_path(output.path));
        if (const auto* bytes = bytes_of(output.before)) needed.insert(digest_of(*bytes));
      }
    }
    for (const auto& image : entry.images) {
      suspects.insert(kept_path(image));
      suspects.insert(temporary_path(kept_path(image)));
      suspects.insert(kept_path_elsewhere(image));
      suspects.insert(temporary_path(kept_path_elsewhere(image)));
      suspects.insert(fresh_path(image));
    }
    for (const auto& copy : entry.copies) {
      suspects.insert(temporary_path(copy));
      suspects.insert(kept_path_elsewhere(copy));
      suspects.insert(temporary_path(kept_path_elsewhere(copy)));
    }
  }
  std::vector<std::string> found;
  for (const auto& path : suspects) {
    const auto status = files.status(path);
    if (status && *status) found.push_back(path);
  }
  auto needless = other_pre_images(files, needed);
  if (!needless) return needless;
  found.insert(found.end(), needless->begin(), needless->end());
  return found;
}

Result<int> Journal::begin(FileStore& files, const std::string& verb, const Diff& diff,
                           bool forgets) {
  JournalEntry entry;
  entry.id = entries_.empty() ? 1 : entries_.back().id + 1;
  entry.verb = verb;
  entry.forgets = forgets;
  Json changes = Json::array();
  Json boot_runs = Json::array();
  for (const auto& change : diff) {
    if (const auto* rebuild = std::get_if<RebuildInitramfs>(&change)) {
      entry.images.push_back(rebuild->image);
      std::ranges::copy(rebuild->copies, std::back_inserter(entry.copies));
      const auto& command = rebuild->copy_command;
      const bool is_seen = command.empty() || !rebuild->copies.empty();
      auto& commands = entry.copy_commands;
      if (!is_seen && std::ranges::find(commands, command) == commands.end()) {
        commands.push_back(command);
      }
      continue;
    }
    if (const auto* boot = std::get_if<BootParameters>(&change)) {
      auto run = begin_boot_run(files, *boot, entry);
      if (!run) return failure_of(run);
      boot_runs.push_back(std::move(*run));
      continue;
    }
    const auto& file = std::get<FileChange>(change);
    if (auto kept = keep_pre_image(files, file.before); !kept) return failure_of(kept);
    changes.push_back(json_of(file));
    entry.changes.push_back(file);
  }
  const Json record = {{"begin",
                        {{"id", entry.id},
                         {"verb", verb},
                         {"forgets", forgets},
                         {"changes", changes},
                         {"images", entry.images},
                         {"copies", entry.copies},
                         {"copy_commands", entry.copy_commands},
                         {"boot_runs", boot_runs}}}};
  std::string line;
  try {
    line = record.dump();
  } catch (const Json::exception&) {
    return fail("the name of " + printable(odd_name(entry)) +
                    " is not UTF-8, so it cannot be recorded in the journal",
                "Rename it.");
  }
  if (auto appended = append(files, line); !appended) return failure_of(appended);
  const int id = entry.id;
  entries_.push_back(std::move(entry));
  return id;
}

Result<void> Journal::kept(FileStore& files, int id, std::vector<KeptImage> images) {
  Json list = Json::array();
  for (const auto& [image, as, in_place] : images) {
    list.push_back({{"image", image}, {"as", as}, {"in_place", in_place}});
  }
  auto appended = append(files, Json{{"kept", {{"id", id}, {"images", list}}}}.dump());
  if (!appended) return appended;
  entries_.back().kept = std::move(images);
  entries_.back().is_kept = true;
  return {};
}

Result<void> Journal::done(FileStore& files, int id, std::size_t change) {
  return append(files, Json{{"done", {{"id", id}, {"change", change}}}}.dump());
}

Result<void> Journal::written(FileStore& files, int id, std::size_t run) {
  auto& done = entries_.back().boot_runs.at(run);
  Json states = Json::array();
  for (auto& output : done.outputs) {
    auto state = files.state(output.path);
    if (!state) return failure_of(state);
    // The tool itself need not have synced it.
    if (!std::holds_alternative<Absent>(*state)) {
      if (auto synced = files.replace(output.path, *state); !synced) return synced;
    }
    output.after = std::move(*state);
    states.push_back(json_of(output.after));
  }
  done.is_done = true;
  return append(files, Json{{"written", {{"id", id}, {"run", run}, {"after", states}}}}.dump());
}

Result<void> Journal::committed(FileStore& files, int id) {
  auto appended = append(files, Json{{"committed", {{"id", id}}}}.dump());
  if (appended) entries_.back().end = JournalEntry::End::committed;
  return appended;
}

Result<void> Journal::undone(FileStore& files, int id) {
  auto appended = append(files, Json{{"undone", {{"id", id}}}}.dump());
  if (appended) entries_.back().end = JournalEntry::End::undone;
  return appended;
}

Result<void> Journal::clear(FileStore& files) {
  if (auto removed = files.replace(log_path, Absent{}); !removed) return removed;
  entries_.clear();
  exists_ = false;
  repaired_.reset();
  auto needless = leftovers(files);
  if (!needless) return failure_of(needless);
  for (const auto& path : *needless) {
    if (auto removed = files.replace(path, Absent{}); !removed) return removed;
  }
  return {};
}

Result<void> Journal::repair(FileStore& files) {
  if (!repaired_) return {};
  if (auto cut = files.replace(log_path, RegularFile{*repaired_, 0600, 0, 0}); !cut) return cut;
  repaired_.reset();
  return {};
}

Result<void> Journal::append(FileStore& files, const std::string& record) {
  if (auto repaired = repair(files); !repaired) return repaired;
  std::string lines;
  if (!exists_) lines = Json{{"journal", version}}.dump() + "\n";
  auto appended = files.append(log_path, lines + record + "\n");
  if (appended) exists_ = true;
  return appended;
}

std::string kept_path(const std::string& image) {
  return temporary_path(image);
}

std::string kept_path_elsewhere(const std::string& image) {
  return journal_directory + "/images/" + sha256(image);
}

Result<void> note_builder(FileStore& files, Builder builder) {
  const auto text = builder == Builder::at_work ? std::to_string(::getpid()) + "\n" : std::string();
  return files.replace(builder_path(), RegularFile{text, 0600, 0, 0});
}

const std::string& builder_path() {
  static const std::string path = journal_directory + "/builder";
  return path;
}

}  // namespace vfio_switch
