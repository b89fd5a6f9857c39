// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_entries.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/boot/efi_variables.h"
#include "core/boot/loader_search.h"
#include "core/boot/refind_lines.h"
#include "core/boot/this_boot.h"

namespace vfio_switch {

namespace {

constexpr std::string_view version_mark = "%v";

BootFile file_on(const FileSystemName& on, std::string_view path) {
  return {on, "/" + slashed(refind_path(path))};
}

/// `initrd=` among the options is for the kernel's stub, which looks on the kernel's volume.
void set_options(BootEntry& entry, std::string_view options) {
  const auto line = read_this_boot(options);
  for (const auto& path : line.initrds) {
    entry.initrds.push_back(file_on(entry.kernel->on, path));
  }
  entry.command_line = line.rest;
}

FileSystemName volume_of(const RefindStanza& stanza) {
  if (!stanza.volume) return {};
  const auto& name = *stanza.volume;
  constexpr std::size_t size = 36;
  const auto is_guid_part = [](char c) {
    return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  if (name.size() == size && std::ranges::all_of(name, is_guid_part)) {
    return {FileSystemBy::partition_uuid, lower_case(name)};
  }
  return {FileSystemBy::label, name};
}

BootEntry entry_of(const RefindStanza& stanza) {
  BootEntry entry;
  entry.id = stanza.title;
  entry.title = stanza.title;
  entry.source = stanza.source;
  if (stanza.is_firmware) return entry;
  if (stanza.loader.empty()) {
    entry.unknown.push_back(
        {BootUnknownCode::malformed, stanza.title, stanza.source.file, stanza.source.line});
    return entry;
  }
  auto options = stanza.options.value_or("");
  if (!stanza.initrd.empty()) {
    options += (options.empty() ? "initrd=" : " initrd=") + stanza.initrd;
  }
  auto file = file_on(volume_of(stanza), stanza.loader);
  const auto kind = loader_of_file(file.path);
  const bool has_initrd = lower_case(options).find("initrd=") != std::string::npos;
  const auto lower = lower_case(file.path);
  const bool is_kernel = lower.find("/kernel", lower.rfind('/')) != std::string::npos;
  if (kind == LoaderKind::efi_stub || is_kernel || has_initrd || !lower.ends_with(".efi")) {
    entry.kernel = std::move(file);
    set_options(entry, options);
  } else if (kind == LoaderKind::unknown || kind == LoaderKind::unified_image) {
    if (lower.starts_with("/efi/microsoft/")) return entry;
    entry.unified_image = std::move(file);
    entry.command_line = stanza.options;
  }
  return entry;
}

/// The first mark becomes `version`; "%%v" is a mark that is meant as it is.
void put_version(std::string& options, const std::optional<std::string>& version) {
  const auto at = options.find(version_mark);
  if (at == std::string::npos) return;
  if (at > 0 && options[at - 1] == '%') {
    options.erase(at - 1, 1);
  } else {
    options.replace(at, version_mark.size(), version.value_or(""));
  }
}

/// The lines of refind_linux.conf beside the kernels.
struct OptionLines {
  std::string path;
  std::vector<RefindLine> lines;
  std::optional<BootUnknown> why;  ///< why they are not known
};

OptionLines option_lines(const RefindDirectory& directory, const ReadRefindFile& read) {
  OptionLines found;
  for (const auto* name : {"/refind_linux.conf", "/refind-linux.conf"}) {
    const auto path = (directory.at == "/" ? std::string() : directory.at) + name;
    const auto text = read(path);
    if (text.state == SourceText::State::absent) continue;
    found.path = path;
    if (text.state == SourceText::State::unknown) {
      found.why = text.why;
    } else {
      found.lines = refind_lines(text.text);
    }
    return found;
  }
  // rEFInd makes options from fstab or from the types of partitions then.
  found.why =
      BootUnknown{BootUnknownCode::missing,
                  (directory.at == "/" ? std::string() : directory.at) + "/refind_linux.conf"};
  return found;
}

class FoundKernel {
 public:
  FoundKernel(const RefindDirectory& directory, const std::string& name, const RefindConf& conf)
      : name_(name),
        conf_(conf),
        path_(refind_path_of(directory, name)),
        initrd_(refind_initrd(directory, name, conf)) {
    if (initrd_.name) initrd_path_ = refind_path_of(directory, *initrd_.name);
    place_ = (directory.at == "/" ? std::string() : directory.at) + "/" + name;
  }

  /// `is_main`: for the line of the menu itself, where a mark is the version of the initrd.
  [[nodiscard]] BootEntry entry(const OptionLines& lines, const RefindLine* line,
                                bool is_main) const {
    BootEntry entry;
    entry.source = {place_, 0};
    entry.kernel = file_on({}, path_);
    if (lines.why) {
      entry.unknown.push_back(*lines.why);
    } else {
      entry.source = {lines.path, line == nullptr ? 0 : line->line};
      set(entry, line == nullptr || line->words.size() < 2 ? std::string() : line->words[1],
          is_main);
    }
    return entry;
  }

  [[nodiscard]] std::string id() const { return path_.substr(1); }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  [[nodiscard]] std::optional<std::string> version(const std::string& path) const {
    return path.empty() ? std::nullopt : refind_version(path, conf_.version_strings);
  }

  void set(BootEntry& entry, std::string options, bool is_main) const {
    const auto has_mark = [&] { return options.find(version_mark) != std::string::npos; };
    const bool names_initrd = lower_case(options).find("initrd=") != std::string::npos;
    // Without the initrd that a mark stands for, versions of rEFInd differ.
    const bool is_unsure =
        has_mark() && (!initrd_.name || options.find("%%v") != std::string::npos);
    if (is_unsure) {
      const auto why = BootUnknown{BootUnknownCode::variable, std::string(version_mark)};
      entry.unknown.push_back(initrd_.why.value_or(why));
    }
    put_version(options, version(is_main ? initrd_path_ : path_));
    if (initrd_.name && has_mark()) {
      put_version(options, version(initrd_path_));
    } else if (initrd_.name && !names_initrd) {
      options += (options.empty() ? "initrd=" : " initrd=") + initrd_path_;
    } else if (initrd_.why && !names_initrd && !is_unsure) {
      entry.unknown.push_back(*initrd_.why);
    }
    set_options(entry, options);
  }

  const std::string& name_;
  const RefindConf& conf_;
  std::string path_;
  RefindInitrd initrd_;
  std::string initrd_path_;
  std::string place_;
};

}  // namespace

std::vector<BootEntry> refind_stanza_entries(const RefindStanza& stanza) {
  std::vector<BootEntry> entries = {entry_of(stanza)};
  for (const auto& one : stanza.submenus) {
    auto entry = entry_of(one);
    entry.submenus = {stanza.title};
    entry.id = stanza.title + ">" + one.title;
    entries.push_back(std::move(entry));
  }
  for (auto& entry : entries) entry.kind = kind_of(entry);
  return entries;
}

std::vector<BootEntry> refind_kernel_entries(const RefindDirectory& directory,
                                             const std::vector<std::string>& kernels,
                                             const RefindConf& conf, const ReadRefindFile& read) {
  std::vector<BootEntry> entries;
  const auto options = option_lines(directory, read);
  const auto& lines = options.lines;
  const auto add = [&](BootEntry entry, const std::string& title) {
    if (!entries.empty()) {
      entry.id = entries.front().id + ">" + title;
      entry.submenus = {entries.front().title};
    }
    entry.title = title;
    entry.kind = kind_of(entry);
    entries.push_back(std::move(entry));
  };
  // More than any menu has.
  constexpr std::size_t most = 4096;
  for (const auto& name : kernels) {
    if (entries.size() > most) break;
    const FoundKernel kernel(directory, name, conf);
    std::size_t at = 0;
    const bool is_first = entries.empty();
    if (is_first) {
      auto entry = kernel.entry(options, lines.empty() ? nullptr : lines.data(), true);
      entry.id = kernel.id();
      add(std::move(entry), kernel.id());
      ++at;
    } else if (options.why) {
      add(kernel.entry(options, nullptr, false), kernel.name());
    }
    // A line of one word ends the file.
    for (; at < lines.size() && lines[at].words.size() > 1 && entries.size() <= most; ++at) {
      const auto& title = lines[at].words[0];
      add(kernel.entry(options, &lines[at], false),
          is_first ? title : kernel.name() + ": " + title);
    }
  }
  return entries;
}

BootEntry refind_image_entry(const RefindDirectory& directory, const std::string& name) {
  BootEntry entry;
  const auto path = refind_path_of(directory, name);
  entry.id = path.substr(1);
  entry.title = entry.id;
  entry.source = {directory.at + "/" + name, 0};
  entry.unified_image = file_on({}, path);
  entry.kind = kind_of(entry);
  return entry;
}

}  // namespace vfio_switch
