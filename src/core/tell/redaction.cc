// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/redaction.h"

#include <algorithm>
#include <array>
#include <regex>

#include "core/base/text.h"
#include "core/files/kept_lines.h"
#include "core/files/seal.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

bool matches(std::string_view text, const std::regex& expression) {
  return std::regex_match(text.begin(), text.end(), expression);
}

bool is_name(std::string_view text) {
  static const std::regex name(R"([\]\[A-Za-z0-9_*?:,.-]+)");
  return matches(text, name);
}

bool is_vfio_option(std::string_view text) {
  static const std::regex ids("ids=[0-9a-fA-F:,]*");
  static const std::regex network_address("[=:,][0-9a-fA-F][0-9a-fA-F]?:");
  static const std::regex other(
      "(disable_vga|disable_idle_d3|enable_sriov|disable_denylist|nointxmask)=[01YyNn]");
  if (!matches(text, ids)) return matches(text, other);
  return !std::regex_search(text.begin(), text.end(), network_address);
}

/// True where a command is calls of modprobe and nothing else: what a reader of it can follow.
bool is_followed(const std::vector<std::string_view>& words, std::size_t from) {
  static const std::regex modprobe(R"((/usr)?(/s?bin/)?modprobe)");
  static const std::regex between(R"(;|&&|\|\||\{|\})");
  static const std::regex nothing(R"(((/usr)?/bin/)?(true|false);?|:)");
  static const std::regex argument(R"(--?[a-z-]+|\$CMDLINE_OPTS|[A-Za-z0-9_-]+;?)");
  bool call = false;
  for (std::size_t i = from; i < words.size(); ++i) {
    const auto word = words[i];
    if (matches(word, modprobe)) {
      call = true;
    } else if (matches(word, between) || matches(word, nothing)) {
      call = false;
    } else if (call && matches(word, argument)) {
      if (word.ends_with(';')) call = false;
    } else {
      return false;
    }
  }
  return true;
}

std::string told_directive(std::string_view line) {
  constexpr std::size_t arguments = 2;
  const auto words = split_words(line);
  if (line.starts_with('#') || words.size() < arguments || !is_name(words[1])) return {};
  const auto command = words[0];
  if (command == "blacklist") return "blacklist " + std::string(words[1]);
  if (command == "install") {
    if (is_followed(words, arguments)) return std::string(line);
    return "install " + std::string(words[1]) + " not-told";
  }
  const auto all_are = [&](bool (*is_told)(std::string_view)) {
    return std::all_of(words.begin() + arguments, words.end(), is_told);
  };
  const bool has_arguments = words.size() > arguments;
  bool told = false;
  if (command == "alias") told = words.size() == arguments + 1 && all_are(is_name);
  if (command == "softdep") told = all_are(is_name);
  if (command == "options") {
    told = has_arguments && words[1].starts_with("vfio") && all_are(is_vfio_option);
  }
  return told ? std::string(line) : std::string();
}

template <class Tell>
std::vector<std::string> told_lines(std::string_view text, const Tell& tell) {
  std::vector<std::string> lines;
  for (const auto line : split_lines(text)) lines.push_back(tell(line));
  return lines;
}

bool is_word_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Replaces `name` where it stands as a word of its own.
void replace_word(std::string& text, const std::string& name, std::string_view by) {
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
    const auto end = at + name.size();
    const bool whole = (at == 0 || !is_word_character(text[at - 1])) &&
                       (end == text.size() || !is_word_character(text[end]));
    if (whole) text.replace(at, name.size(), by);
    at += whole ? by.size() : 1;
  }
}

/// The values that keys of a command line may have: words of the kernel's own documentation, and
/// numbers.
const std::regex& told_word() {
  static const std::regex told([] {
    const std::string number = "(-?[0-9]+|0x[0-9A-Fa-f]+|[YyNn]|on|off|auto|detect)";
    const std::string iommu =
        "(on|off|pt|nopt|force|noforce|soft|strict|relaxed|fullflush|igfx_off|sm_on|sm_off|"
        "forcedac|panic|nopanic|merge|nomerge|usedac|tboot_noforce|pgtbl_v[12]|[0-9]+)";
    const std::string pci =
        "(noaer|nommconf|nomsi|noacpi|routeirq|nocrs|use_crs|assign-busses|realloc|noats|"
        "big_root_window|pcie_bus_(tune_off|safe|perf|peer2peer)|off|on|downstream|multifunction|"
        "default|performance|powersave|powersupersave|force)";
    const auto list = [](const std::string& words) { return words + "(," + words + ")*"; };
    return "ro|quiet|splash|nomodeset|boot=(live|casper)|rd\\.live\\.image|video=[a-z]+fb:off|"
           "vfio[-_]pci\\.ids=([0-9A-Fa-f]{4,8}[:,]?)*|"
           "((intel_|amd_)?iommu|iommu\\.(passthrough|strict))=(" +
           list(iommu) + ")?|(pci|pcie_acs_override|pcie_aspm)=(" + list(pci) +
           ")?|(module_blacklist|modprobe\\.blacklist|rd\\.driver\\.(pre|blacklist)|"
           "initcall_blacklist)=[A-Za-z0-9_,-]*|"
           "(vfio[a-z0-9_-]*|amdgpu|radeon|i915|xe|nouveau|nvidia[a-z_-]*|kvm[a-z_]*)"
           "\\.[A-Za-z0-9_]+=" +
           number + "?";
  }());
  return told;
}

}  // namespace

std::vector<std::string> told_modprobe(std::string_view text) {
  std::vector<std::string> lines;
  const auto given = split_lines(text);
  for (std::size_t i = 0; i < given.size(); ++i) {
    std::string joined(given[i]);
    std::size_t more = 0;
    while (joined.ends_with('\\') && i + 1 < given.size()) {
      joined.pop_back();
      joined += given[++i];
      ++more;
    }
    if (joined.ends_with('\\')) joined.pop_back();
    lines.push_back(told_directive(joined));
    lines.resize(lines.size() + more);
  }
  return lines;
}

std::string told_generated(const std::string& content) {
  const auto kept = kept_part(content);
  if (kept.empty()) return content;
  const auto told = join(told_modprobe(kept), "\n") + "\n";
  return sealed(with_kept_part(std::string(own_part(content)), told));
}

std::vector<std::string> told_module_list(std::string_view text) {
  static const std::regex name("[A-Za-z0-9_-]+");
  return told_lines(text, [](std::string_view line) {
    const auto words = split_words(line);
    return !words.empty() && matches(words[0], name) ? std::string(words[0]) : std::string();
  });
}

std::vector<std::string> told_xorg(std::string_view text) {
  static const std::regex bus_id(R"([ \t]*[Bb][Uu][Ss][Ii][Dd][ \t]*"([PpCcIi0-9:@]*)\".*)");
  return told_lines(text, [](std::string_view line) {
    std::cmatch found;
    const bool told = std::regex_match(line.data(), line.data() + line.size(), found, bus_id);
    return told ? "BusID \"" + found[1].str() + "\"" : std::string();
  });
}

std::vector<std::string> told_seat_rules(std::string_view text) {
  static const std::regex display("drm-pci-[0-9a-f_]*");
  return told_lines(text, [](std::string_view line) {
    std::cmatch found;
    const bool told = !trim(line).starts_with('#') &&
                      line.find("ENV{ID_SEAT}=") != std::string_view::npos &&
                      std::regex_search(line.data(), line.data() + line.size(), found, display);
    return told ? R"(ENV{ID_FOR_SEAT}==")" + found.str() + R"(", ENV{ID_SEAT}="seat1")"
                : std::string();
  });
}

std::vector<std::string> told_os_release(std::string_view text) {
  static const std::regex told(R"((ID|ID_LIKE|VERSION_ID)="?[a-z0-9._ -]*"?)");
  std::vector<std::string> lines;
  for (const auto line : split_lines(text)) {
    if (matches(line, told)) lines.emplace_back(line);
  }
  return lines;
}

std::vector<std::string> told_settings(std::string_view text) {
  static const std::regex device(
      R"([ \t]*(?:extra-)?devices?[ \t]*=[ \t]*(auto|none|[0-9a-fA-F:., \t]*))");
  return told_lines(text, [](std::string_view line) {
    return matches(line, device) ? std::string(line) : std::string();
  });
}

std::string told_prime_profile(std::string_view text) {
  constexpr std::array<std::string_view, 5> profiles = {"on", "off", "nvidia", "intel",
                                                        "on-demand"};
  const auto profile = trim(text);
  const bool known = std::ranges::find(profiles, profile) != profiles.end();
  return known ? std::string(profile) : std::string();
}

std::string told_command_line(std::string_view text) {
  std::vector<std::string> words;
  for (const auto word : split_words(text, " \t\n")) {
    if (matches(word, told_word())) words.emplace_back(word);
  }
  return join(words, " ");
}

bool is_told_key(std::string_view key) {
  return key.ends_with('=') && matches(key, told_word());
}

bool may_be_told(std::string_view path) {
  static const std::regex plain("[A-Za-z0-9._/@+-]*");
  return matches(path, plain);
}

Scrubber::Scrubber(const std::vector<std::string>& names) {
  // Hosts are often called as their system is, and users as others' words: those name nobody.
  constexpr std::array<std::string_view, 36> ours = {
      "localhost", "root",   "debian",  "fedora", "arch",    "ubuntu",  "linux",   "vfio-switch",
      "card",      "user",   "host",    "guest",  "admin",   "test",    "vfio",    "pci",
      "gpu",       "pre",    "post",    "alias",  "options", "softdep", "install", "blacklist",
      "ids",       "nvidia", "nouveau", "amdgpu", "radeon",  "intel",   "amd",     "snd",
      "drm",       "kvm",    "boot",    "etc"};
  constexpr std::size_t shortest = 2;
  for (const auto& name : names) {
    const bool is_ours = std::ranges::find(ours, name) != ours.end();
    if (!is_ours && name.size() >= shortest) names_.push_back(name);
  }
  std::ranges::sort(names_, {}, [](const std::string& name) { return 0 - name.size(); });
}

std::string Scrubber::operator()(std::string text) const {
  static const std::regex network_address("([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}");
  static const std::regex uuid("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}");
  static const std::regex home("/home/[^/ ]+");
  static const std::regex machine_id("(^|[^0-9A-Za-z])[0-9a-f]{32}([^0-9A-Za-z]|$)");
  text = std::regex_replace(text, machine_id, "$1(id)$2");
  text = std::regex_replace(text, uuid, "(uuid)");
  text = std::regex_replace(text, network_address, "(address)");
  text = std::regex_replace(text, home, "/home/(name)");
  for (const auto& name : names_) replace_word(text, name, "(name)");
  return text;
}

}  // namespace vfio_switch
