// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/doctor/doctor_probe.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/doctor/tools.h"
#include "system/boot/kept_command_lines.h"
#include "system/boot/secure_boot.h"
#include "system/doctor/desktop_settings.h"
#include "system/doctor/holders.h"
#include "system/doctor/libvirt_definitions.h"
#include "system/files/best_effort.h"
#include "system/machine/foreign_system.h"
#include "system/modules/module_db.h"
#include "system/modules/module_lists.h"
#include "system/state/boot_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

std::string read_cpu_vendor(const FileReader& files) {
  const auto text = text_of(files, "/proc/cpuinfo");
  if (text.find("GenuineIntel") != std::string::npos) return "intel";
  return text.find("AuthenticAMD") != std::string::npos ? "amd" : "";
}

std::map<std::string, ModuleForm> read_virqfd(const FileReader& files, const SystemFacts& facts) {
  std::map<std::string, ModuleForm> forms;
  for (const auto& kernel : facts.kernels) {
    const auto db = ModuleDb::open(files, kernel, {});
    const auto form = db ? db->form("vfio_virqfd") : Result<ModuleForm>(fail(""));
    if (form) forms[kernel.release] = *form;
  }
  return forms;
}

std::vector<FoundFile> read_tool_files(const FileReader& files) {
  std::vector<FoundFile> found;
  for (const auto& trace : tool_traces()) {
    const std::string path(trace.path);
    std::vector<std::string> paths = {path};
    if (path.ends_with('/')) {
      paths = names_in(files, path);
      for (auto& name : paths) name.insert(0, path);
    }
    for (const auto& one : paths) {
      const bool known = std::ranges::find(found, one, &FoundFile::path) != found.end();
      if (!known && files.exists(one)) found.push_back({one, text_of(files, one)});
    }
  }
  return found;
}

/// The lines of `paths` that hold `word`.
std::vector<ConfigLine> lines_with(const FileReader& files, const std::vector<std::string>& paths,
                                   std::string_view word) {
  std::vector<ConfigLine> lines;
  for (const auto& path : paths) {
    auto more = config_lines(path, text_of(files, path));
    std::erase_if(
        more, [&](const ConfigLine& line) { return line.text.find(word) == std::string::npos; });
    std::ranges::move(more, std::back_inserter(lines));
  }
  return lines;
}

std::vector<std::string> paths_in(const FileReader& files, const std::string& directory) {
  auto names = names_in(files, directory);
  for (auto& name : names) name.insert(0, directory);
  return names;
}

std::optional<std::string> find_persistenced(const FileReader& files) {
  const std::string units = "/etc/systemd/system/";
  const std::string unit = "nvidia-persistenced.service";
  for (const auto& name : names_in(files, units)) {
    auto path = units + name + "/" + unit;
    if (name.ends_with(".wants") && files.read_link(path)) return path;
  }
  return std::nullopt;
}

/// What the kernel was told to resume from; by the command line, or by an initramfs that found the
/// swap space itself.
std::optional<Resume> find_resume(const FileReader& files, const SystemFacts& facts) {
  const auto device = text_of(files, "/sys/power/resume");
  const auto words = split_words(facts.command_line);
  if (std::ranges::find(words, "noresume") != words.end()) return std::nullopt;
  for (const auto word : words) {
    if (word.starts_with("resume=")) return Resume{std::string(word), {}};
  }
  const auto number = trim(device);
  if (number.empty() || number == "0:0") return std::nullopt;
  return Resume{{}, std::string(number)};
}

std::map<PciAddress, std::string> read_reset_methods(const FileReader& files,
                                                     const SystemFacts& facts) {
  std::map<PciAddress, std::string> methods;
  for (const auto& device : facts.devices) {
    if (!device.device_class.is_display()) continue;
    const auto text =
        text_of(files, "/sys/bus/pci/devices/" + device.address.str() + "/reset_method");
    if (const auto method = trim(text); !method.empty()) methods[device.address] = method;
  }
  return methods;
}

/// When `path` was last written, in ns since 1970; 0 where that cannot be seen.
std::int64_t written_at(const FileReader& files, const std::string& path) {
  const auto state = files.state(path);
  const auto* file = state ? std::get_if<RegularFile>(&*state) : nullptr;
  return file == nullptr ? 0 : file->modified;
}

/// The journal is written with every change, a rebuild that changed no file included; it is root's.
std::optional<bool> read_booted_since(const FileReader& files) {
  constexpr std::string_view key = "btime ";
  constexpr std::int64_t second = 1'000'000'000;
  const auto written = written_at(files, state_directory + "/journal/log");
  const auto text = text_of(files, "/proc/stat");
  for (const auto line : split_lines(text)) {
    if (!line.starts_with(key) || written == 0) continue;
    std::int64_t booted = 0;
    const auto number = line.substr(key.size());
    std::from_chars(number.data(), number.data() + number.size(), booted);
    return booted > written / second;
  }
  return std::nullopt;
}

}  // namespace

DoctorFacts read_doctor_facts(const FileReader& files, const SystemFacts& facts) {
  DoctorFacts more;
  more.cpu_vendor = read_cpu_vendor(files);
  more.command_lines = read_kept_command_lines(files);
  more.module_lists = read_module_lists(files);
  const std::string debians = "/etc/initramfs-tools/modules";
  std::ranges::move(config_lines(debians, text_of(files, debians)),
                    std::back_inserter(more.module_lists));
  more.virqfd = read_virqfd(files, facts);
  more.framebuffers = parse_iomem(text_of(files, "/proc/iomem"));
  more.compositors = read_compositor_settings(files, read_dri_nodes(files));
  const auto profile = text_of(files, std::string(prime_profile_path));
  more.prime_profile = trim(profile);
  more.tool_files = read_tool_files(files);
  more.holders = read_holders(files);
  more.persistenced = find_persistenced(files);
  more.resume = find_resume(files, facts);
  more.reset_methods = read_reset_methods(files, facts);
  auto limits = paths_in(files, "/etc/security/limits.d/");
  limits.insert(limits.begin(), "/etc/security/limits.conf");
  more.memlock = lines_with(files, limits, "memlock");
  more.vfio_rules = lines_with(files, paths_in(files, "/etc/udev/rules.d/"), "\"vfio\"");
  more.machines = read_virtual_machines(files);
  more.set_up_pending = pending_set_up(files, PendingSetUp::not_told);
  more.secure_boot = is_secure_boot(files);
  more.booted_since = read_booted_since(files);
  return more;
}

}  // namespace vfio_switch
