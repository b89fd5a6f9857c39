// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/image_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"
#include "system/files/memory_directory.h"

namespace vfio_switch {

namespace {

constexpr std::size_t most_entries = 200'000;
constexpr std::size_t largest_kept = std::size_t{16} << 20U;
constexpr std::size_t most_kept = std::size_t{64} << 20U;
constexpr int most_links = 40;                  // on one path, as in the kernel
constexpr std::size_t most_steps = 20'000'000;  // of all paths: more is an attack

/// What decides which modules are loaded, and which driver binds, below / or /usr. /etc/modules is
/// the target of a link that Debian has in /etc/modules-load.d.
constexpr std::array<std::string_view, 25> kept_prefixes = {
    "conf/modules",
    "config",
    "buildconfig",
    "etc/alternatives/",  // Debian's nvidia.conf is a link through these two
    "etc/booster.init.yaml",
    "etc/cmdline",
    "etc/modprobe.d/",
    "etc/modules",
    "etc/nvidia/",
    "etc/systemd/system/",
    "etc/udev/rules.d/",
    "etc/vfio-switch/",
    "hooks/",
    "lib/dracut/hooks/",
    "lib/modprobe.d/",
    "lib/modules-load.d/",
    "lib/udev/rules.d/",
    "lib/vfio-switch/",
    "run/modprobe.d/",
    "scripts/",
    "var/lib/dracut/hooks/",
    "usr/local/lib/modprobe.d/",
    "lib/modules/",
    "run/modules-load.d/",
    "usr/local/lib/modules-load.d/",
};

bool is_kept(std::string_view path) {
  while (path.starts_with("/") || path.starts_with("./"))
    path.remove_prefix(path[0] == '/' ? 1 : 2);
  if (path.starts_with("usr/lib/")) path.remove_prefix(4);
  const bool fits = std::ranges::any_of(
      kept_prefixes, [&](std::string_view prefix) { return path.starts_with(prefix); });
  if (!fits || !path.starts_with("lib/modules/")) return fits;
  // Of the modules only the indices: lib/modules/RELEASE/modules.*
  const auto name = path.substr(path.rfind('/') + 1);
  return name.starts_with("modules.") && !name.starts_with("modules.symbols");
}

}  // namespace

struct ImageTree::Node {
  FileKind kind = FileKind::other;
  bool kept = true;     ///< `content` is all there is
  std::string content;  ///< of a file, or the target of a link
  std::map<std::string, NodePtr, std::less<>> children;
};

/// The place of the last component of a path, whether it exists or not.
struct ImageTree::Place {
  NodePtr directory;      ///< null where the way to it leads nowhere
  std::string_view name;  ///< empty: `directory` itself
};

ImageTree::ImageTree() : root_(std::make_shared<Node>()) {
  root_->kind = FileKind::directory;
}

bool ImageTree::keeps(const CpioEntry& entry) const {
  return entry.kind == FileKind::regular && entry.size <= largest_kept && is_kept(entry.path);
}

Result<void> ImageTree::add(const CpioEntry& entry, std::string body) {
  if (++entries_ > most_entries) return fail("it contains too many files");
  copies_.clear();
  kept_ += body.size();
  if (kept_ > most_kept) return fail("it contains too much configuration");
  const auto [directory, name] = find_place_to_add(entry.path);
  if (steps_ > most_steps) return fail("it contains too many symbolic links");
  if (!directory || name.empty()) return {};
  auto& child = directory->children[std::string(name)];
  const bool replaces = child && child->kind != entry.kind;
  if (replaces && child->kind == FileKind::directory && !child->children.empty()) {
    return {};  // the kernel only does rmdir(2)
  }
  const bool is_link = entry.kind == FileKind::symbolic_link;
  if (replaces || is_link) last_directory_ = nullptr;
  const auto key = LinkKey(entry.device, entry.inode);
  if (entry.kind == FileKind::regular && entry.links > 1) {
    // Of several hard links only one carries the body, the first or the last.
    auto& first = linked_[key];
    if (first) {
      child = first;
      if (entry.size == 0) return {};
    }
  }
  if (!child || child->kind != entry.kind || is_link) {
    child = std::make_shared<Node>();
    child->kind = entry.kind;
  }
  if (entry.kind == FileKind::regular && entry.links > 1) linked_[key] = child;
  if (entry.kind == FileKind::directory) return {};
  child->kept = body.size() == entry.size;
  child->content = std::move(body);
  return {};
}

ImageTree::Place ImageTree::find_place_to_add(std::string_view path) {
  const auto slash = path.rfind('/') + 1;
  const auto way = path.substr(0, slash);
  const auto name = path.substr(slash);
  const bool is_plain = !name.empty() && name != "." && name != "..";
  if (is_plain && last_directory_ && way == last_way_) return {last_directory_, name};
  auto place = find_place(path);
  last_way_ = way;
  last_directory_ = is_plain ? place.directory : nullptr;
  return place;
}

/// Follows every link but one at the end.
ImageTree::Place ImageTree::find_place(std::string_view path) const {
  std::vector<NodePtr> way = {root_};
  std::vector<std::string_view> rest;  // components, the next one last
  const auto push = [&rest](std::string_view text) {
    const auto words = split_words(text, "/");
    rest.insert(rest.end(), words.rbegin(), words.rend());
  };
  push(path);
  int links = 0;
  while (!rest.empty()) {
    const auto name = rest.back();
    rest.pop_back();
    ++steps_;
    if (name == ".") continue;
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    if (rest.empty()) return {way.back(), name};
    const auto found = way.back()->children.find(name);
    if (found == way.back()->children.end()) return {};
    const auto& node = found->second;
    if (node->kind == FileKind::directory) {
      way.push_back(node);
    } else if (node->kind == FileKind::symbolic_link && ++links <= most_links) {
      if (node->content.starts_with('/')) way.resize(1);
      push(node->content);
    } else {
      return {};
    }
  }
  return {way.back(), {}};
}

ImageTree::NodePtr ImageTree::find(std::string_view path, bool follow) const {
  std::string way(path);
  for (int links = 0; links <= most_links; ++links) {
    const auto [directory, name] = find_place(way);
    if (!directory || name.empty()) return directory;
    const auto found = directory->children.find(name);
    if (found == directory->children.end()) return nullptr;
    if (!follow || found->second->kind != FileKind::symbolic_link) return found->second;
    const auto& target = found->second->content;
    const auto slash = way.rfind('/');
    const auto parent = slash == std::string::npos ? "" : way.substr(0, slash + 1);
    way = target.starts_with('/') ? target : parent + target;
    if (way.size() > largest_kept) return nullptr;
  }
  return nullptr;
}

Result<std::optional<std::string>> ImageTree::read(const std::string& path) const {
  const auto node = find(path, true);
  if (!node) return std::nullopt;
  const auto odd = [&](const char* what, int code) {
    return std::unexpected(Error{ErrorKind::failed, printable(path) + what, {}, code});
  };
  if (node->kind == FileKind::directory) return odd(" is a directory", EISDIR);
  if (node->kind != FileKind::regular) return odd(" is a FIFO, a device or a socket", ENODEV);
  if (!node->kept) return odd(" is too large", EFBIG);
  return node->content;
}

Result<std::vector<std::string>> ImageTree::list(const std::string& path) const {
  std::vector<std::string> names;
  const auto node = find(path, true);
  if (!node) return names;
  for (const auto& [name, child] : node->children) names.push_back(name);
  return names;
}

Result<std::optional<FileStatus>> ImageTree::status(const std::string& path) const {
  const auto node = find(path, false);
  if (!node) return std::nullopt;
  return FileStatus{node->kind, node->content.size(), 0, 0};
}

std::optional<std::string> ImageTree::read_link(const std::string& path) const {
  const auto node = find(path, false);
  if (!node || node->kind != FileKind::symbolic_link) return std::nullopt;
  return node->content;
}

Result<std::optional<UniqueFd>> ImageTree::open_file(const std::string& path) const {
  return fail(printable(path) + " is in an image and can only be read");
}

Result<std::optional<UniqueFd>> ImageTree::open_directory(const std::string& path) const {
  const auto node = find(path, true);
  if (!node || node->kind != FileKind::directory) return std::nullopt;
  auto made = copies_.find(path);
  if (made == copies_.end()) {
    auto fd = make_memory_directory();
    if (!fd) return failure_of(fd);
    if (auto copied = copy(*node, fd->get()); !copied) return failure_of(copied);
    made = copies_.emplace(path, std::move(*fd)).first;
  }
  UniqueFd shared(::fcntl(made->second.get(), F_DUPFD_CLOEXEC, 0));
  if (!shared) return fail(path + ": " + std::strerror(errno));
  return std::optional(std::move(shared));
}

Result<void> ImageTree::copy(const Node& directory, int fd) {
  for (const auto& [name, child] : directory.children) {
    if (child->kind == FileKind::directory) {
      if (::mkdirat(fd, name.c_str(), 0700) != 0) return memory_error(errno);
      const UniqueFd below(::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!below) return memory_error(errno);
      if (auto copied = copy(*child, below.get()); !copied) return copied;
    } else if (child->kind == FileKind::regular) {
      const UniqueFd file(
          ::openat(fd, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      std::string_view rest = child->content;
      while (file && !rest.empty()) {
        const auto count = ::write(file.get(), rest.data(), rest.size());
        if (count <= 0) return memory_error(errno);
        rest.remove_prefix(static_cast<std::size_t>(count));
      }
      if (!file) return memory_error(errno);
    }
  }
  return {};
}

Result<FileState> ImageTree::state(const std::string& path) const {
  const auto node = find(path, false);
  if (!node) return Absent{};
  switch (node->kind) {
    case FileKind::directory:
      return Directory{};
    case FileKind::symbolic_link:
      return SymbolicLink{node->content};
    case FileKind::regular: {
      auto content = read(path);
      if (!content) return failure_of(content);
      return RegularFile{content->value_or(std::string())};
    }
    case FileKind::other:
      break;
  }
  return fail(printable(path) + " is neither a file, a directory nor a symbolic link");
}

bool ImageTree::exists(const std::string& path) const {
  return find(path, true) != nullptr;
}

std::vector<std::string> ImageTree::modules() const {
  std::vector<std::string> found;
  std::vector<const Node*> left = {root_.get()};
  while (!left.empty()) {
    const auto* node = left.back();
    left.pop_back();
    for (const auto& [name, child] : node->children) {
      if (!child) continue;
      if (child->kind == FileKind::directory) {
        left.push_back(child.get());
        continue;
      }
      const auto suffix = name.find(".ko");
      if (suffix == std::string::npos) continue;
      const auto behind = std::string_view(name).substr(suffix + 3);
      if (behind.empty() || behind.starts_with('.')) {
        found.push_back(module_name(std::string_view(name).substr(0, suffix)));
      }
    }
  }
  std::ranges::sort(found);
  const auto [repeated, end] = std::ranges::unique(found);
  found.erase(repeated, end);
  return found;
}

}  // namespace vfio_switch
