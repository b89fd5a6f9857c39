// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_machine.h"

#include <array>
#include <utility>

namespace vfio_switch {

namespace {

/// Far more than the menu of a machine with hundreds of snapshots takes.
constexpr std::size_t most_steps = 50'000;
constexpr std::size_t most_notes = 100;
constexpr int deepest_call = 32;

struct Device {
  FileSystemBy by;
  std::string_view prefix;
};

/// Names that no device of GRUB has.
constexpr std::array<Device, 5> devices = {{
    {FileSystemBy::holder, "fs-holder/"},
    {FileSystemBy::uuid, "fs-uuid/"},
    {FileSystemBy::label, "fs-label/"},
    {FileSystemBy::marker_file, "fs-file/"},
    {FileSystemBy::inside_root, "fs-inside/"},
}};

FileSystemName file_system_of(std::string_view device) {
  for (const auto& [by, prefix] : devices) {
    if (device.starts_with(prefix)) return {by, std::string(device.substr(prefix.size()))};
  }
  return {FileSystemBy::device, std::string(device)};
}

}  // namespace

std::string grub_device(const FileSystemName& name) {
  for (const auto& [by, prefix] : devices) {
    if (name.by == by) return std::string(prefix) + name.name;
  }
  return name.name;
}

BootFile grub_file(std::string_view path, const GrubState& state) {
  BootFile file;
  if (path.starts_with('(')) {
    const auto end = path.find(')');
    if (end == std::string_view::npos) return {{FileSystemBy::device, ""}, std::string(path)};
    file.on = file_system_of(path.substr(1, end - 1));
    path.remove_prefix(end + 1);
  } else {
    const auto root = state.value_of("root").only();
    file.on = root ? file_system_of(*root) : FileSystemName{FileSystemBy::device, ""};
  }
  const auto relative = state.value_of("btrfs_relative_path").only();
  file.on.default_subvolume = relative && !relative->empty();
  for (const char c : path) {
    if (c != '/' || !file.path.ends_with('/')) file.path += c;
  }
  if (!file.path.starts_with('/')) file.path.insert(0, "/");
  return file;
}

GrubMachine::GrubMachine(const BootSources& sources, std::string platform) : sources_(sources) {
  state_.set("grub_platform",
             platform.empty() ? GrubValues::open() : GrubValues::of(std::move(platform)));
  state_.set("root", GrubValues::of(grub_device({FileSystemBy::holder, {}})));
  // Only GRUB knows these.
  for (const auto* name : {"grub_cpu", "cmdpath", "net_default_server", "pxe_default_server"}) {
    state_.set(name, GrubValues::open());
  }
  for (const auto* name : {"grub_platform", "grub_cpu", "root", "prefix", "cmdpath"}) {
    state_.exported.emplace(name);
  }
}

const GrubScript& GrubMachine::keep(GrubScript script) {
  scripts_.push_back(std::move(script));
  return scripts_.back();
}

void GrubMachine::note(BootUnknownCode code, std::string subject, int line) {
  auto& notes = start_ != nullptr ? start_->unknown : notes_;
  if (notes.size() < most_notes) notes.push_back({code, std::move(subject), file_, line});
}

bool GrubMachine::step() {
  if (is_over_) return false;
  if (steps_ == most_steps) note(BootUnknownCode::limit, file_, 0);
  if (steps_ >= most_steps) is_incomplete_ = true;
  return ++steps_ <= most_steps;
}

void GrubMachine::run_text(std::string_view text, const std::string& path) {
  auto parse = parse_grub_script(text);
  auto outer = std::exchange(file_, path);
  for (const auto line : parse.bad_lines) {
    note(BootUnknownCode::malformed, "line " + std::to_string(line), line);
    is_incomplete_ = true;
  }
  run(keep(std::move(parse.script)));
  file_ = std::move(outer);
}

std::vector<GrubItem> GrubMachine::open_submenu(const GrubItem& item,
                                                std::optional<std::string> choice) {
  state_ = state_.nested();
  state_.arguments = item.arguments;
  if (choice) state_.set("default", GrubValues::of(std::move(*choice)));
  auto outer = std::exchange(items_, {});
  auto file = std::exchange(file_, item.source.file);
  const bool nested = std::exchange(in_submenu_, true);
  is_over_ = false;
  if (item.body != nullptr) run(*item.body);
  in_submenu_ = nested;
  file_ = std::move(file);
  return std::exchange(items_, std::move(outer));
}

GrubStart GrubMachine::start(const GrubItem& item) {
  GrubStart start;
  start.unknown = item.unknown;
  auto outer = state_;
  const auto count = items_.size();
  state_.arguments = item.arguments;
  start_ = &start;
  is_over_ = false;
  start.config = item.config;
  auto file = std::exchange(file_, item.source.file);
  if (item.body != nullptr) run(*item.body);
  file_ = std::move(file);
  start_ = nullptr;
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(count), items_.end());
  state_ = std::move(outer);
  return start;
}

GrubTruth GrubMachine::run(const GrubScript& script) {
  auto status = GrubTruth::yes;
  run(script, status);
  return status;
}

void GrubMachine::run(const GrubScript& script, GrubTruth& status) {
  for (const auto& statement : script) {
    if (!step()) return;
    switch (statement.kind) {
      case GrubStatement::Kind::command:
        status = run_command(statement);
        break;
      case GrubStatement::Kind::conditional:
        run_conditional(statement, 0);
        status = GrubTruth::unknown;
        break;
      case GrubStatement::Kind::loop:
        run_loop(statement);
        status = GrubTruth::unknown;
        break;
      case GrubStatement::Kind::function:
        if (const auto words = expand(statement.words, state_); !words.ways.front().empty()) {
          state_.functions.insert_or_assign(words.ways.front().front(), &statement.body);
        }
        break;
    }
  }
}

void GrubMachine::run_conditional(const GrubStatement& statement, std::size_t first) {
  for (auto i = first; i < statement.branches.size(); ++i) {
    const auto& branch = statement.branches[i];
    const auto holds = branch.condition.empty() ? GrubTruth::yes : run(branch.condition);
    if (holds == GrubTruth::no) continue;
    if (holds == GrubTruth::yes) {
      run(branch.body);
      return;
    }
    auto other = state_;
    ++uncertain_;
    run(branch.body);
    std::swap(state_, other);
    run_conditional(statement, i + 1);
    --uncertain_;
    state_.merge(other);
    return;
  }
}

void GrubMachine::run_loop(const GrubStatement& statement) {
  if (!statement.branches.empty()) {
    // How often a `while` goes round is not followed: never, or once.
    const auto other = state_;
    ++uncertain_;
    run(statement.branches.front().condition);
    run(statement.body);
    --uncertain_;
    state_.merge(other);
    return;
  }
  const auto words = expand(statement.words, state_);
  const bool is_known = words.only() != nullptr;
  const auto& values = words.ways.front();
  if (values.empty()) return;
  const auto other = state_;
  if (!is_known) ++uncertain_;
  for (std::size_t i = 1; i < values.size() && steps_ < most_steps; ++i) {
    state_.set(values.front(), GrubValues::of(values[i]));
    run(statement.body);
  }
  if (is_known) return;
  --uncertain_;
  state_.merge(other);
}

GrubTruth GrubMachine::call(const GrubScript& body, std::vector<GrubValues> arguments) {
  if (depth_ >= deepest_call) {
    is_incomplete_ = true;
    return GrubTruth::unknown;
  }
  ++depth_;
  auto outer = std::exchange(state_.arguments, std::move(arguments));
  const auto status = run(body);
  state_.arguments = std::move(outer);
  --depth_;
  return status;
}

}  // namespace vfio_switch
