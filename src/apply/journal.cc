// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/journal.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/sha256.h"
#include "core/text.h"
#include "system/state_store.h"

namespace vfio_switch {

namespace {

using Json = nlohmann::ordered_json;

constexpr int version = 1;
const std::string journal_directory = state_directory + "/journal";
const std::string log_path = journal_directory + "/log";

std::string pre_image_path(const std::string& digest) {
  return journal_directory + "/pre-images/" + digest;
}

/// Where the content of a journalled `after` should stand there is its digest, marked so that no
/// file can be mistaken for it.
const std::string digest_only = std::string("\0digest:", 8);

std::string digest_of(const std::string& content) {
  return content.starts_with(digest_only) ? content.substr(digest_only.size()) : sha256(content);
}

/// The bytes that a state is more than a kind: a file's content, or a link's target.
std::string* bytes_of(FileState& state) {
  if (auto* file = std::get_if<RegularFile>(&state)) return &file->content;
  if (auto* link = std::get_if<SymbolicLink>(&state)) return &link->target;
  return nullptr;
}

const std::string* bytes_of(const FileState& state) {
  if (const auto* file = std::get_if<RegularFile>(&state)) return &file->content;
  if (const auto* link = std::get_if<SymbolicLink>(&state)) return &link->target;
  return nullptr;
}

Json to_json(const FileState& state) {
  if (const auto* file = std::get_if<RegularFile>(&state)) {
    return {{"kind", "file"},     {"sha256", digest_of(file->content)},
            {"mode", file->mode}, {"uid", file->uid},
            {"gid", file->gid},   {"modified", file->modified}};
  }
  if (const auto* link = std::get_if<SymbolicLink>(&state)) {
    return {{"kind", "link"}, {"sha256", digest_of(link->target)}};
  }
  if (const auto* directory = std::get_if<Directory>(&state)) {
    return {{"kind", "directory"},
            {"mode", directory->mode},
            {"uid", directory->uid},
            {"gid", directory->gid}};
  }
  return {{"kind", "absent"}};
}

FileState state_from(const Json& json) {
  const auto kind = json.at("kind").get<std::string>();
  const auto number = [&](const char* key) { return json.at(key).get<unsigned>(); };
  if (kind == "file") {
    return RegularFile{digest_only + json.at("sha256").get<std::string>(), number("mode"),
                       number("uid"), number("gid"), json.at("modified").get<std::int64_t>()};
  }
  if (kind == "link") return SymbolicLink{digest_only + json.at("sha256").get<std::string>()};
  if (kind == "directory") return Directory{number("mode"), number("uid"), number("gid")};
  return Absent{};
}

/// Puts the bytes of a pre-image in place of its digest.
Result<void> fill_in(const FileReader& files, FileState& state) {
  auto* bytes = bytes_of(state);
  if (bytes == nullptr) return {};
  const auto digest = digest_of(*bytes);
  auto content = files.read(pre_image_path(digest));
  if (!content) return failure_of(content);
  if (!*content || sha256(**content) != digest) {
    return fail(
        pre_image_path(digest) + " is missing or damaged",
        "Nothing was changed. Restore it from a backup; without it rollback is not possible.");
  }
  *bytes = std::move(**content);
  return {};
}

}  // namespace

Result<Journal> Journal::load(const FileReader& files) {
  Journal journal;
  auto text = files.read(log_path);
  if (!text) return failure_of(text);
  if (!*text) return journal;
  const auto end = (*text)->rfind('\n');
  const auto whole = end == std::string::npos ? std::string() : (*text)->substr(0, end + 1);
  if (whole.size() != (*text)->size()) journal.repaired_ = whole;
  int number = 0;
  for (const auto line : split_lines(whole)) {
    ++number;
    auto parsed = journal.parse_line(std::string(line), files);
    if (parsed) continue;
    auto error = std::move(parsed).error();
    error.message = log_path + ":" + std::to_string(number) + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  journal.exists_ = number > 0;
  return journal;
}

Result<void> Journal::parse_line(const std::string& line, const FileReader& files) {
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
      const auto& begin = json["begin"];
      JournalEntry entry{begin.at("id"), begin.at("verb"), {}, begin.at("images"), {}};
      for (const auto& change : begin.at("changes")) {
        FileChange file{
            change.at("path"), state_from(change.at("before")), state_from(change.at("after")), {}};
        if (auto filled = fill_in(files, file.before); !filled) return filled;
        entry.changes.push_back(std::move(file));
      }
      entries_.push_back(std::move(entry));
    } else if (json.contains("committed")) {
      entry_of(json["committed"]).end = JournalEntry::End::committed;
    } else if (json.contains("undone")) {
      entry_of(json["undone"]).end = JournalEntry::End::undone;
    }
    return {};
  } catch (const std::exception& error) {
    return fail(std::string("the journal is damaged: ") + error.what(),
                "Nothing was changed. Restore the directory from a backup, or remove it: then "
                "rollback is not possible.");
  }
}

const JournalEntry* Journal::interrupted() const {
  if (entries_.empty() || entries_.back().end != JournalEntry::End::open) return nullptr;
  return &entries_.back();
}

std::vector<FileChange> Journal::changed_paths() const {
  std::vector<FileChange> changes;
  for (const auto& entry : entries_) {
    if (entry.end != JournalEntry::End::committed) continue;
    for (const auto& change : entry.changes) {
      const auto known = std::ranges::find(changes, change.path, &FileChange::path);
      if (known == changes.end()) {
        changes.push_back(change);
      } else {
        known->after = change.after;
      }
    }
  }
  return changes;
}

Result<int> Journal::begin(FileStore& files, const std::string& verb, const Diff& diff) {
  JournalEntry entry{entries_.empty() ? 1 : entries_.back().id + 1, verb, {}, {}, {}};
  Json changes = Json::array();
  for (const auto& change : diff) {
    if (const auto* rebuild = std::get_if<RebuildInitramfs>(&change)) {
      entry.images.push_back(rebuild->image);
      continue;
    }
    const auto& file = std::get<FileChange>(change);
    if (const auto* before = bytes_of(file.before)) {
      const auto path = pre_image_path(sha256(*before));
      if (auto kept = files.replace(path, RegularFile{*before, 0600, 0, 0, 0}); !kept) {
        return failure_of(kept);
      }
    }
    changes.push_back(
        {{"path", file.path}, {"before", to_json(file.before)}, {"after", to_json(file.after)}});
    entry.changes.push_back(file);
  }
  const Json record = {
      {"begin",
       {{"id", entry.id}, {"verb", verb}, {"changes", changes}, {"images", entry.images}}}};
  std::string line;
  try {
    line = record.dump();
  } catch (const Json::exception&) {
    return fail("a name that is not UTF-8 cannot be kept in the journal", "Rename it.");
  }
  if (auto appended = append(files, line); !appended) return failure_of(appended);
  const int id = entry.id;
  entries_.push_back(std::move(entry));
  return id;
}

Result<void> Journal::done(FileStore& files, int id, std::size_t change) {
  return append(files, Json{{"done", {{"id", id}, {"change", change}}}}.dump());
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
  const auto pre_images = journal_directory + "/pre-images";
  auto names = files.list(pre_images);
  if (!names) return failure_of(names);
  std::vector<std::string> paths;
  for (const auto& name : *names) paths.push_back(pre_images + "/" + name);
  for (const auto& path : paths) {
    if (auto removed = files.replace(path, Absent{}); !removed) return removed;
  }
  entries_.clear();
  exists_ = false;
  return {};
}

Result<void> Journal::append(FileStore& files, const std::string& record) {
  if (repaired_) {
    if (auto cut = files.replace(log_path, RegularFile{*repaired_, 0600, 0, 0}); !cut) return cut;
    repaired_.reset();
  }
  std::string lines;
  if (!exists_) lines = Json{{"journal", version}}.dump() + "\n";
  auto appended = files.append(log_path, lines + record + "\n");
  if (appended) exists_ = true;
  return appended;
}

bool same_content(const FileState& left, const FileState& right) {
  if (left.index() != right.index()) return false;
  const auto* a = bytes_of(left);
  const auto* b = bytes_of(right);
  return a == nullptr || digest_of(*a) == digest_of(*b);
}

}  // namespace vfio_switch
