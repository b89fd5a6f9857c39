// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/recorder.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/tell/redaction.h"
#include "system/files/best_effort.h"
#include "system/modules/module_db.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

using Tell = std::vector<std::string> (*)(std::string_view text);

/// Collects the files that a report may contain.
class Files {
 public:
  explicit Files(const FileReader& files) : files_(files) {}

  void add(const std::string& path, Tell tell) { add_lines(path, tell(text_of(files_, path))); }

  void add_directory(const std::string& directory, std::string_view suffix, Tell tell) {
    for (const auto& name : names_in(files_, directory)) {
      if (name.ends_with(suffix)) add(directory + name, tell);
    }
  }

  void add_lines(const std::string& path, std::vector<std::string> lines) {
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    if (!lines.empty() && may_be_told(path)) told_[path] = std::move(lines);
  }

  std::map<std::string, std::vector<std::string>> take() { return std::move(told_); }

 private:
  const FileReader& files_;
  std::map<std::string, std::vector<std::string>> told_;
};

std::vector<std::string> whole(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto line : split_lines(text)) lines.emplace_back(line);
  return lines;
}

std::vector<std::string> told_profile(std::string_view text) {
  return {told_prime_profile(text)};
}

/// Files of vfio-switch describe the card only, and show whether they were modified.
void add_ours(const FileReader& files, const SystemFacts& facts, const State& state, Files& told) {
  for (const auto& [path, observed] : facts.files) {
    const auto* file = std::get_if<RegularFile>(&observed.state);
    if (file == nullptr || !is_unmodified(file->content)) continue;
    told.add_lines(path, whole(told_generated(file->content)));
  }
  if (state.intent != Intent::unset) told.add_lines(state_path, whole(render_state(state)));
  if (files.exists(std::string(bind_path))) told.add_lines(std::string(bind_path), {"# not told"});
  told.add("/etc/vfio-switch.conf", told_settings);
}

std::map<std::string, std::vector<std::string>> told_files(const FileReader& files,
                                                           const SystemFacts& facts,
                                                           const State& state) {
  Files told(files);
  const auto os = files.exists("/etc/os-release") ? "/etc/os-release" : "/usr/lib/os-release";
  told.add_lines("/usr/lib/os-release", told_os_release(text_of(files, os)));
  for (const auto& file : facts.modprobe) told.add_lines(file.path, told_modprobe(file.content));
  told.add("/etc/initramfs-tools/modules", told_module_list);
  told.add_directory("/usr/share/initramfs-tools/modules.d/", "", told_module_list);
  told.add("/etc/X11/xorg.conf", told_xorg);
  told.add_directory("/etc/X11/xorg.conf.d/", ".conf", told_xorg);
  told.add_directory("/usr/share/X11/xorg.conf.d/", ".conf", told_xorg);
  told.add_directory("/etc/udev/rules.d/", ".rules", told_seat_rules);
  told.add(std::string(prime_profile_path), told_profile);
  add_ours(files, facts, state, told);
  return told.take();
}

std::string running_kernel(const FileReader& files, const SystemFacts& facts) {
  utsname running{};
  if (files.is_running_system() && ::uname(&running) == 0) return std::data(running.release);
  return facts.kernels.empty() ? "" : facts.kernels.front().release;
}

std::optional<PciAddress> physical_function(const FileReader& files, const std::string& directory) {
  const auto target = files.read_link(directory + "/physfn");
  if (!target) return std::nullopt;
  return PciAddress::parse(std::string_view(*target).substr(target->rfind('/') + 1));
}

/// A word from sysfs; empty if it contains a character that such words do not have.
std::string word(const std::string& text) {
  const auto value = trim(text);
  const bool plain = std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ' ';
  });
  return plain ? std::string(value) : std::string();
}

std::string hex_number(const std::string& text) {
  const auto value = trim(text);
  return value.starts_with("0x") && parse_hex(value.substr(2)) ? std::string(value) : std::string();
}

}  // namespace

Result<Recording> record(const FileReader& files, const SystemFacts& facts, const State& state) {
  Recording recording;
  recording.kernel = running_kernel(files, facts);
  recording.files = told_files(files, facts, state);
  const auto kernel = std::ranges::find(facts.kernels, recording.kernel, &Kernel::release);
  std::optional<ModuleDb> db;
  if (kernel != facts.kernels.end()) {
    auto opened = ModuleDb::open(files, *kernel, {});
    if (!opened) return failure_of(opened);
    db.emplace(std::move(*opened));
  }
  for (const auto& device : facts.devices) {
    const auto directory = "/sys/bus/pci/devices/" + device.address.str();
    auto& function = recording.functions[device.address];
    function.revision = hex_number(text_of(files, directory + "/revision"));
    function.reset_method = word(text_of(files, directory + "/reset_method"));
    if (device.virtual_function) function.physical = physical_function(files, directory);
    if (!db) continue;
    auto modules = db->lookup(device.modalias);
    if (!modules) return failure_of(modules);
    function.modules = std::move(*modules);
  }
  return recording;
}

std::vector<std::string> private_names(const FileReader& files) {
  constexpr unsigned first_person = 1000;
  constexpr unsigned nobody = 65534;
  std::vector<std::string> names;
  for (const std::string path : {"/etc/hostname", "/proc/sys/kernel/hostname"}) {
    const auto text = text_of(files, path);
    const std::string name(trim(text));
    names.push_back(name);
    names.push_back(name.substr(0, name.find('.')));
  }
  const auto users = text_of(files, "/etc/passwd");
  for (const auto line : split_lines(users)) {
    const auto fields = split_words(line, ":");
    constexpr std::size_t least = 4;
    if (fields.size() < least) continue;
    unsigned uid = 0;
    std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), uid);
    if (uid < first_person || uid == nobody) continue;
    names.emplace_back(fields[0]);
    // The full name, each part of which may be used alone: "Brunhilde Muster,,,".
    constexpr std::size_t full_name = 4;
    if (fields.size() <= full_name || fields[full_name].starts_with('/')) continue;
    for (const auto part : split_words(fields[full_name], " ,")) names.emplace_back(part);
  }
  return names;
}

}  // namespace vfio_switch
