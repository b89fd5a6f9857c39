// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/module_parameters.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// A word KEY=a,b; the kernel, systemd and dracut take '-' and '_' of KEY alike, or know one
/// spelling alone, which nobody writes otherwise.
struct Listed {
  std::string key;
  std::vector<std::string_view> values;
};

std::optional<Listed> parse_word(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  return Listed{module_name(word.substr(0, equals)), split_words(word.substr(equals + 1), ",\"")};
}

void add(std::vector<std::string>& modules, const std::vector<std::string_view>& values) {
  for (const auto value : values) modules.push_back(module_name(value));
}

void add(std::set<std::string>& modules, const std::vector<std::string_view>& values) {
  for (const auto value : values) modules.insert(module_name(value));
}

std::string_view value_of(std::string_view word) {
  return word.substr(word.find('=') + 1);
}

/// libkmod compares these with module names as they stand: one with a dash or a quote is no
/// module's (libkmod-config.c, kcmdline_parse_result).
void add_raw(std::set<std::string>& modules, std::string_view word) {
  for (const auto value : split_words(value_of(word), ",")) modules.emplace(value);
}

/// Who keeps which modules away, each as it reads the word.
void add_blacklist(ModuleParameters& parameters, const Listed& word, std::string_view text) {
  if (word.key == "module_blacklist") {
    parameters.refused = {word.values.begin(), word.values.end()};
    parameters.refusing_word = text;
  }
  if (word.key == "modprobe.blacklist") add_raw(parameters.blacklisted, text);
  if (word.key == "blacklist") {
    parameters.blacklisted_by_initramfs_tools.clear();
    add(parameters.blacklisted_by_initramfs_tools, split_words(value_of(text), ","));
  }
}

/// Takes in what makes the kernel refuse modules without a signature.
void add_signing(ModuleParameters& parameters, const Listed& word, std::string_view text) {
  if (word.key == "module.sig_enforce") {
    parameters.signed_alone = text.ends_with("=1") || text.ends_with("=y") || text.ends_with("=Y");
  }
  if (word.key == "lockdown" &&
      (text.ends_with("=integrity") || text.ends_with("=confidentiality"))) {
    parameters.signed_alone = true;
  }
}

void add_driver(ModuleParameters& parameters, const Listed& word) {
  auto& blacklisted = parameters.blacklisted_by_dracut;
  if (word.key == "rd.driver.pre") add(parameters.before_udev, word.values);
  if (word.key == "rd.driver.blacklist") add(blacklisted, word.values);
  if (word.key == "rd.driver.post") {
    add(parameters.after_udev, word.values);
    // Of several modules dracut makes one line, which names none of them.
    if (word.values.size() == 1) add(blacklisted, word.values);
  }
}

constexpr std::array<std::string_view, 14> keys = {
    "lockdown",       "module.sig_enforce", "module_blacklist", "modprobe.blacklist",
    "modules_load",   "rd.modules_load",    "rd.driver.pre",    "rd.driver.blacklist",
    "rd.driver.post", "earlymodules",       "disablehooks",     "blacklist",
    "pci_stub.ids",   "initcall_blacklist"};

}  // namespace

ModuleParameters parse_module_parameters(std::string_view command_line) {
  ModuleParameters parameters;
  for (const auto text : split_words(command_line, " \t\n")) {
    if (text == "module.sig_enforce") parameters.signed_alone = true;
    const auto word = parse_word(text);
    if (!word) continue;
    const auto& [key, values] = *word;
    if (key == "modules_load") add(parameters.loaded, values);
    if (key == "rd.modules_load") add(parameters.loaded_in_image, values);
    if (key == "earlymodules") {
      parameters.early.clear();
      add(parameters.early, values);
    }
    if (key == "disablehooks") parameters.disabled_hooks = {values.begin(), values.end()};
    if (key == "initcall_blacklist") {
      parameters.stopped_initcalls.insert(parameters.stopped_initcalls.end(), values.begin(),
                                          values.end());
    }
    if (key == "pci_stub.ids") {
      parameters.stub_ids = VfioIds::parse(value_of(text));
      parameters.stub_word = text;
    }
    add_blacklist(parameters, *word, text);
    add_signing(parameters, *word, text);
    add_driver(parameters, *word);
  }
  return parameters;
}

bool is_module_parameter(std::string_view word) {
  if (word == "module.sig_enforce") return true;
  const auto listed = parse_word(word);
  return listed && std::ranges::find(keys, listed->key) != keys.end();
}

}  // namespace vfio_switch
