// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/mkinitcpio.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/files/own_paths.h"
#include "core/images/module_list.h"
#include "core/modules/modprobe_conf.h"
#include "system/files/file_store.h"
#include "system/modules/module_db.h"

namespace vfio_switch {

namespace {

const std::string main_config = "/etc/mkinitcpio.conf";
const std::string drop_ins = "/etc/mkinitcpio.conf.d";
constexpr std::string_view our_hook = "vfio-switch";

std::string preset_path(const std::string& package) {
  return "/etc/mkinitcpio.d/" + package + ".preset";
}

std::vector<MkinitcpioPreset> read_presets(ForeignFiles& files, const std::string& package) {
  const auto path = preset_path(package);
  if (package.empty() || package.find('/') != std::string::npos) return {};
  return parse_preset(path, files.text(path));
}

/// The result of all configuration files that one build reads: MODULES and HOOKS.
struct Configuration {
  std::vector<ConfigWord> modules;
  std::vector<ConfigWord> hooks;
  /// A file that is read after ours sets HOOKS again.
  std::optional<Place> hooks_behind_ours;

  [[nodiscard]] bool has_hook(std::string_view name) const {
    return std::ranges::any_of(hooks, [&](const ConfigWord& word) { return word.text == name; });
  }
};

bool sets_anew(const ConfAssignment& one) {
  return !one.appends && std::ranges::none_of(one.words, [](const ConfigWord& word) {
    return word.text.find("HOOKS") != std::string::npos;
  });
}

/// The configuration without our own drop-in. `only`: a file in place of all others.
Configuration read_configuration(ForeignFiles& files, const std::optional<std::string>& only) {
  std::vector<std::string> paths = {only.value_or(main_config)};
  if (!only) {
    auto found = files.paths(drop_ins, ".conf");
    std::ranges::sort(found, version_less);
    std::ranges::move(found, std::back_inserter(paths));
  }
  Configuration configuration;
  std::vector<ConfAssignment> all;
  for (const auto& path : paths) {
    if (path == mkinitcpio_conf_path) continue;
    const bool behind = !only && path != main_config && version_less(mkinitcpio_conf_path, path);
    for (auto& one : parse_assignments(path, files.text(path))) {
      if (behind && one.name == "HOOKS" && sets_anew(one)) {
        configuration.hooks_behind_ours = one.where;
      }
      all.push_back(std::move(one));
    }
  }
  configuration.modules = list_after(all, "MODULES");
  configuration.hooks = list_after(all, "HOOKS");
  return configuration;
}

bool is_in_use(std::optional<InitramfsGenerator> generator) {
  return generator == InitramfsGenerator::mkinitcpio ||
         generator == InitramfsGenerator::limine_mkinitcpio;
}

bool is_hook_installed(const FileReader& files) {
  return files.exists(std::string(mkinitcpio_hook_path));
}

/// A module of MODULES that a kernel does not have: mkinitcpio builds the image, and fails.
Result<void> find_missing_modules(ForeignFiles& files, const Kernel& kernel,
                                  const Configuration& configuration,
                                  std::vector<ImageHindrance>& hindrances) {
  auto db = ModuleDb::open(files.reader(), kernel, {});
  if (!db) return failure_of(db);
  std::map<Place, std::vector<std::string>> missing;  // by line, as a person edits them
  for (const auto& word : configuration.modules) {
    if (word.text.ends_with('?') || word.text.find('$') != std::string::npos) continue;
    auto form = db->form(module_name(word.text));
    if (!form) return failure_of(form);
    if (*form == ModuleForm::missing) missing[word.where].push_back(word.text);
  }
  for (const auto& [place, modules] : missing) {
    std::vector<Item> names;
    for (const auto& module : modules) names.emplace_back(Quotation{module});
    const auto content = files.text(place.path);
    const auto lines = split_lines(content);
    const auto index = static_cast<std::size_t>(place.line) - 1;
    const auto line = place.line > 0 && index < lines.size() ? lines[index] : std::string_view();
    hindrances.push_back(
        {{{ReasonCause::listed_module_missing,
           {{"place", place}, {"modules", std::move(names)}, {"kernel", Word{kernel.release}}}},
          {without_modules(place, line, modules)}},
         true});
  }
  return {};
}

}  // namespace

Result<ImageBuild> Mkinitcpio::build(const FileReader& files, const std::string& release,
                                     const std::string& image) {
  ForeignFiles others(files);
  const auto package = others.text("/lib/modules/" + release + "/pkgbase");
  const auto presets = read_presets(others, std::string(trim(package)));
  if (!others.unread().empty()) {
    const auto& unread = others.unread().front();
    return fail(printable(unread.path) + " could not be read (" + unread.why +
                "), so how mkinitcpio would build " + printable(image) + " is not known");
  }
  const auto preset = std::ranges::find_if(presets, [&](const MkinitcpioPreset& one) {
    return one.image == image || one.unified == image;
  });
  const bool known = preset != presets.end();
  const bool unified = known && preset->unified == image;
  ImageBuild build{{"mkinitcpio", {"-k", release}}, fresh_path(image), true};
  auto& arguments = build.command.arguments;
  arguments.insert(arguments.end(), {unified ? "-U" : "-g", build.written});
  if (!known) return build;
  if (preset->unclear) {
    return fail(preset->unclear->str() + " uses shell syntax that vfio-switch cannot read, so " +
                    image + " cannot be built under another name first",
                "Write that line without variables, or run 'mkinitcpio -P'.");
  }
  if (preset->config) arguments.insert(arguments.end(), {"-c", preset->config->text});
  std::ranges::copy(preset->options, std::back_inserter(arguments));
  return build;
}

std::vector<EarlyModule> Mkinitcpio::early_modules(ForeignFiles& files) {
  if (is_hook_installed(files.reader())) return {};
  const auto configuration = read_configuration(files, std::nullopt);
  std::vector<EarlyModule> modules;
  for (const auto& word : configuration.modules) {
    auto name = std::string_view(word.text);
    if (name.ends_with('?')) name.remove_suffix(1);
    modules.push_back({module_name(name), word.where});
  }
  return modules;
}

std::optional<std::string> read_preset_image(ForeignFiles& files, const std::string& package) {
  const auto presets = read_presets(files, package);
  if (presets.empty()) return std::nullopt;
  // The boot loader starts the first one; the others are a way out (fallback).
  const auto& first = presets.front();
  auto image = first.unified.empty() ? first.image : first.unified;
  if (!image.starts_with('/')) return std::nullopt;
  return image;
}

bool wants_mkinitcpio_drop_in(ForeignFiles& files, std::optional<InitramfsGenerator> generator) {
  if (!is_in_use(generator) || !is_hook_installed(files.reader())) return false;
  return !read_configuration(files, std::nullopt).has_hook(our_hook);
}

Result<std::vector<ImageHindrance>> find_mkinitcpio_hindrances(
    ForeignFiles& files, std::optional<InitramfsGenerator> generator,
    const std::vector<Kernel>& kernels) {
  std::vector<ImageHindrance> hindrances;
  if (!is_in_use(generator)) return hindrances;
  const bool has_hook = is_hook_installed(files.reader());
  if (!has_hook) {
    hindrances.push_back(
        {{{ReasonCause::hook_missing, {{"file", Place{std::string(mkinitcpio_hook_path)}}}}}});
  }
  const auto usual = read_configuration(files, std::nullopt);
  if (has_hook && usual.hooks_behind_ours && !usual.has_hook(our_hook)) {
    hindrances.push_back({{{ReasonCause::hooks_set_later,
                            {{"place", *usual.hooks_behind_ours},
                             {"file", Place{std::string(mkinitcpio_conf_path)}}}},
                           {Edit{*usual.hooks_behind_ours, "HOOKS=", "HOOKS+="}}},
                          true});
  }
  // Hooks that a variable holds, or that a branch sets, are not known here.
  const bool hooks_known = std::ranges::none_of(
      usual.hooks, [](const ConfigWord& word) { return word.text.find('$') != std::string::npos; });
  if (!usual.hooks.empty() && hooks_known && !usual.has_hook("modconf")) {
    hindrances.push_back({{{ReasonCause::no_modconf, {{"place", usual.hooks.front().where}}}}});
  }
  const bool by_preset = generator == InitramfsGenerator::mkinitcpio;
  for (const auto& kernel : kernels) {
    const auto presets = read_presets(files, kernel.package);
    const auto config = presets.empty() || !by_preset ? std::nullopt : presets.front().config;
    const auto own = config ? read_configuration(files, config->text) : usual;
    if (has_hook && config && !own.has_hook(our_hook)) {
      hindrances.push_back({{{ReasonCause::preset_without_drop_ins,
                              {{"place", config->where},
                               {"config", Quotation{config->text}},
                               {"directory", Place{drop_ins}}}},
                             {Manual{ByHand::comment_out, {{"place", config->where}}}}},
                            true});
    }
    if (auto found = find_missing_modules(files, kernel, own, hindrances); !found) {
      return failure_of(found);
    }
  }
  return hindrances;
}

}  // namespace vfio_switch
