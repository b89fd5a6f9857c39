// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/menu_cases.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "menus_directory.h"

namespace vfio_switch::test {

namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string name_of(const FileSystemName& on) {
  constexpr const char* names[] = {"holder", "uuid",   "partition", "label",
                                   "marker", "device", "inside"};
  auto text = std::string(names[static_cast<std::size_t>(on.by)]);
  if (!on.name.empty()) text += " " + on.name;
  return text;
}

std::string file_text(const BootFile& file) {
  return name_of(file.on) + (file.on.default_subvolume ? " default-subvolume " : " ") + file.path;
}

}  // namespace

MenuCase::MenuCase(const std::string& name) {
  const fs::path directory = fs::path(menus_directory) / name;
  const auto root = directory / "root";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) {
      files_["/" + entry.path().lexically_relative(root).string()] = slurp(entry.path());
    }
  }
  std::istringstream mounts(slurp(directory / "mounts"));
  for (std::string line; std::getline(mounts, line);) {
    const auto blank = line.rfind(' ');
    mounts_[line.substr(0, blank)] = line.substr(blank + 1);
  }
  expected_ = slurp(directory / "expected");
}

const std::string& MenuCase::text(const std::string& path) const {
  return files_.at(path);
}

std::vector<std::pair<std::string, std::string>> MenuCase::below(
    const std::string& directory) const {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [path, content] : files_) {
    if (path.starts_with(directory + "/")) found.emplace_back(path, content);
  }
  return found;
}

std::string MenuCase::place(const BootFile& file) const {
  if (file.on.by == FileSystemBy::inside_root) return file.path;
  const auto mount = mounts_.find(name_of(file.on));
  if (mount == mounts_.end()) return {};
  return mount->second == "/" ? file.path : mount->second + file.path;
}

bool MenuCase::is_forbidden(const std::string& path) const {
  return std::ranges::find(forbidden_, path) != forbidden_.end();
}

BootSources MenuCase::sources() const {
  const auto directory_names = [this](const std::string& path) {
    std::set<std::string> names;
    for (const auto& [file, content] : files_) {
      if (!file.starts_with(path + "/")) continue;
      const auto rest = file.substr(path.size() + 1);
      names.insert(rest.substr(0, rest.find('/')));
    }
    return names;
  };
  BootSources sources;
  sources.read = [this](const BootFile& file) {
    const auto path = place(file);
    if (path.empty()) return SourceText::unknown({BootUnknownCode::file_system, file.on.name});
    if (is_forbidden(path)) return SourceText::unknown({BootUnknownCode::unreadable, path});
    const auto found = files_.find(path);
    return found == files_.end() ? SourceText() : SourceText::of(found->second, path);
  };
  sources.list = [this, directory_names](const BootFile& file) {
    SourceNames found;
    const auto path = place(file);
    if (path.empty() || is_forbidden(path)) {
      found.state = SourceText::State::unknown;
      found.why = {path.empty() ? BootUnknownCode::file_system : BootUnknownCode::unreadable,
                   path.empty() ? file.on.name : path};
      return found;
    }
    const auto names = directory_names(path);
    found.names.assign(names.begin(), names.end());
    if (!names.empty()) found.state = SourceText::State::present;
    return found;
  };
  sources.kind = [this, directory_names](const BootFile& file) {
    const auto path = place(file);
    if (path.empty()) return SourceKind::unknown;
    if (files_.contains(path)) return SourceKind::file;
    return directory_names(path).empty() ? SourceKind::absent : SourceKind::directory;
  };
  return sources;
}

std::string menu_text(const BootMenu& menu) {
  std::ostringstream text;
  const auto id = [&](const std::optional<std::size_t>& index) {
    return index ? menu.entries[*index].id : std::string("none");
  };
  constexpr const char* styles[] = {"unknown", "shown", "countdown", "hidden", "disabled"};
  constexpr const char* editors[] = {"unknown", "open", "locked"};
  text << "loader " << to_string(menu.loader) << "\n";
  text << "default " << (menu.default_entry ? id(menu.default_entry) : "not known: " + [&] {
    return menu.why_no_default ? describe(*menu.why_no_default) : std::string("no reason");
  }()) << "\n";
  text << "once "
       << (menu.why_no_once ? "not known: " + describe(*menu.why_no_once) : id(menu.once_entry))
       << "\n";
  text << "menu " << styles[static_cast<std::size_t>(menu.style)] << " "
       << (menu.timeout ? std::to_string(*menu.timeout) : "waits") << " "
       << editors[static_cast<std::size_t>(menu.editor)] << "\n";
  for (const auto& note : menu.notes) text << "note " << describe(note) << "\n";
  for (const auto& entry : menu.entries) {
    text << "entry " << entry.id << "\n  title ";
    for (const auto& title : entry.submenus) text << title << " > ";
    text << entry.title << "\n  kind " << to_string(entry.kind)
         << (entry.is_default ? " default" : "") << (entry.is_once ? " once" : "") << "\n";
    text << "  source " << entry.source.file;
    if (entry.source.line > 0) text << ":" << entry.source.line;
    text << "\n";
    if (entry.kernel) text << "  kernel " << file_text(*entry.kernel) << "\n";
    if (entry.unified_image) text << "  image " << file_text(*entry.unified_image) << "\n";
    if (entry.profile) text << "  profile " << *entry.profile << "\n";
    for (const auto& initrd : entry.initrds) text << "  initrd " << file_text(initrd) << "\n";
    if (entry.command_line) text << "  options " << *entry.command_line << "\n";
    for (const auto& word : entry.possible_words) text << "  perhaps " << word << "\n";
    if (entry.machine_id) text << "  machine-id " << *entry.machine_id << "\n";
    if (entry.tries_left) text << "  tries " << *entry.tries_left << "\n";
    if (entry.release) text << "  release " << *entry.release << "\n";
    for (const auto& unknown : entry.unknown) {
      text << "  unknown " << to_string(unknown.code) << " " << unknown.subject << "\n";
    }
  }
  return text.str();
}

void for_mutations(std::string_view text, std::size_t count,
                   const std::function<void(const std::string&)>& check) {
  std::mt19937 random(20260917);
  const auto below = [&](std::size_t end) { return end == 0 ? 0 : random() % end; };
  constexpr std::string_view special = "{}'\"$\\#;=>\n\t /:+-@*[]()\0\xff%0";
  for (std::size_t i = 0; i < count; ++i) {
    std::string mutant(text);
    for (auto changes = 1 + below(3); changes > 0 && !mutant.empty(); --changes) {
      const auto at = below(mutant.size());
      const auto size = below(std::min<std::size_t>(mutant.size() - at, 200));
      switch (below(6)) {
        case 0:
          mutant[at] = special[below(special.size())];
          break;
        case 1:
          mutant.insert(at, 1, special[below(special.size())]);
          break;
        case 2:
          mutant.erase(at, size);
          break;
        case 3:
          mutant.insert(below(mutant.size()), mutant.substr(at, size));
          break;
        case 4:
          mutant.resize(at);
          break;
        default:
          mutant[at] = static_cast<char>(random());
      }
    }
    check(mutant);
  }
}

}  // namespace vfio_switch::test
