// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/image_prover.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "core/base/text.h"
#include "core/binding/contest.h"
#include "core/binding/evidence.h"
#include "core/binding/vfio_binding.h"
#include "core/images/booster_image.h"
#include "core/modules/module_parameters.h"
#include "system/files/foreign_files.h"
#include "system/images/image_facts.h"
#include "system/modules/kernel_proof.h"
#include "system/modules/module_db.h"
#include "system/modules/odd_index.h"

namespace vfio_switch {

namespace {

/// libkmod on the contents of one image. Contains only modules whose file, and whose dependencies,
/// are in the image: an index may name others.
class ImageModules {
 public:
  [[nodiscard]] static Result<ImageModules> open(const ImageTree& image, Kernel kernel,
                                                 const std::vector<ModprobeFile>& modprobe,
                                                 std::string_view command_line) {
    if (const auto odd = find_odd_index(image, kernel.modules_directory)) {
      return fail(printable(odd->path) + " in it: " + odd->why);
    }
    kernel.softdeps.content = read_foreign(image, kernel.softdeps.path).text;
    const auto index = read_foreign(image, kernel.modules_directory + "/modules.dep").text;
    auto db = ModuleDb::open(image, kernel, modprobe);
    if (!db) return failure_of(db);
    auto files = modprobe;
    files.push_back(kernel.softdeps);
    return ImageModules(image, kernel.modules_directory + "/", std::move(*db), "\n" + index,
                        parse_modprobe(effective_modprobe(std::move(files))),
                        parse_module_parameters(command_line).refused);
  }

  [[nodiscard]] Result<LoadRequest> request(const std::string& name,
                                            const std::set<std::string>& blacklist) const {
    auto order = db_.insertion_order(name, blacklist);
    if (!order) return failure_of(order);
    auto taken = db_.insertable(*order, refused_);
    LoadRequest request{std::move(taken.modules), std::move(taken.doubt)};
    std::erase_if(request.modules, [&](const auto& module) { return !is_whole(module); });
    request.order = why_vfio_first(directives_, request.modules);
    return request;
  }

 private:
  ImageModules(const ImageTree& image, std::string directory, ModuleDb db, std::string index,
               std::vector<ModprobeDirective> directives, std::set<std::string> refused)
      : image_(image),
        directory_(std::move(directory)),
        db_(std::move(db)),
        index_(std::move(index)),
        directives_(std::move(directives)),
        refused_(std::move(refused)) {}

  [[nodiscard]] bool is_whole(const std::string& module) const {
    const auto [found, is_new] = whole_.try_emplace(module, false);
    if (!is_new) return found->second;
    const auto file = db_.file(module);
    if (file.empty() || !image_.exists(directory_ + file)) return false;
    // mkinitcpio keeps the binary index alone, from which libkmod leaves out what is not there.
    const auto line = index_.find("\n" + file + ":");
    if (line == std::string::npos) return found->second = true;
    const auto needed = line + file.size() + 2;
    const auto text = std::string_view(index_).substr(needed, index_.find('\n', needed) - needed);
    found->second = std::ranges::all_of(split_words(text), [&](std::string_view other) {
      return image_.exists(directory_ + std::string(other));
    });
    return found->second;
  }

  const ImageTree& image_;
  std::string directory_;
  ModuleDb db_;
  std::string index_;  ///< modules.dep, behind a line end
  std::vector<ModprobeDirective> directives_;
  std::set<std::string> refused_;  ///< by the kernel itself
  mutable std::map<std::string, bool> whole_;
};

Result<LoadStep> load_step(const ImageStep& step, const ImageModules& modules,
                           const SystemFacts& facts, const std::set<std::string>& blacklist) {
  const std::set<std::string> none;
  LoadStep loads{!step.coldplug, {}};
  const auto add = [&](const std::string& name, Item requester,
                       const std::set<std::string>& skipped) -> Result<void> {
    auto request = modules.request(name, skipped);
    if (!request) return failure_of(request);
    request->requester = std::move(requester);
    loads.requests.push_back(std::move(*request));
    return {};
  };
  for (const auto& early : step.listed) {
    const auto& skipped = step.applies_blacklist ? blacklist : none;
    auto added = add(early.module, early.where, skipped);
    if (!added) return failure_of(added);
    give_ids(loads.requests.back(), early);
    if (!step.may_be_left_out) continue;
    loads.requests.back().unclear =
        Reason(ReasonCause::may_not_be_loaded, {{"module", Word{early.module}}});
  }
  if (!step.coldplug) return loads;
  for (const auto& device : facts.devices) {
    auto added = add(device.modalias, device.address, blacklist);
    if (!added) return failure_of(added);
  }
  return loads;
}

/// `kernel` with its modules where the image has them: kmod looks into /usr/lib/modules where it
/// was built for that, and an image may lack the link that leads there.
Kernel kernel_in(const ImageTree& image, Kernel kernel) {
  const auto merged = "/usr" + kernel.modules_directory;
  if (image.exists(kernel.modules_directory) || !image.exists(merged)) return kernel;
  kernel.modules_directory = merged;
  kernel.softdeps.path = "/usr" + kernel.softdeps.path;
  return kernel;
}

/// What `image` would load, step by step.
Result<std::vector<LoadStep>> load_steps(const ImageTree& image, const ImageFacts& held,
                                         const SystemFacts& facts, const Kernel& kernel,
                                         const std::set<std::string>& blacklist) {
  std::vector<LoadStep> steps;
  if (!image.exists(kernel.modules_directory)) return steps;
  auto modules =
      ImageModules::open(image, kernel, held.config.modprobe, command_line_of(facts, kernel));
  if (!modules) return failure_of(modules);
  for (const auto& step : held.steps) {
    auto loads = load_step(step, *modules, facts, blacklist);
    if (!loads) return failure_of(loads);
    steps.push_back(std::move(*loads));
  }
  return steps;
}

/// People and sysfs know a driver by the name that the kernel gives it.
Result<void> name_winner(const FileReader& files, const Kernel& kernel, LoadOrder& order) {
  if (!order.winner || order.vfio_wins()) return {};
  const auto db = ModuleDb::open(files, kernel, {});
  if (!db) return std::unexpected(db.error());
  order.winner = db->kernel_name(*order.winner);
  return {};
}

void forget_ids(LoadStep& step) {
  for (auto& request : step.requests) request.ids.reset();
}

ImageReport unreadable(const Kernel& kernel, const Error& error) {
  const bool denied = error.kind == ErrorKind::permission;
  const auto cause = denied ? ReasonCause::image_needs_root : ReasonCause::image_unreadable;
  return {kernel.release,
          denied ? ImageCondition::unknown : ImageCondition::damaged,
          Reason(cause, {{"error", Word{error.message}}}),
          {},
          {}};
}

}  // namespace

std::vector<std::string> images_of(const Kernel& kernel) {
  if (!kernel.loaded.empty() || kernel.command_line) return kernel.loaded;
  return kernel.initramfs ? std::vector{*kernel.initramfs} : std::vector<std::string>();
}

Result<ImageReport> prove_image(const FileReader& files, const SystemFacts& facts,
                                const Kernel& kernel, const std::vector<Contest>& root,
                                const OpenedImages& opened) {
  ImageReport report{kernel.release, ImageCondition::readable, {}, {}, {}};
  const auto images = images_of(kernel);
  if (images.empty()) {
    report.condition = ImageCondition::missing;
    report.problem = ReasonCause::image_missing;
    return report;
  }
  const auto& line = command_line_of(facts, kernel);
  const auto image = opened.open(files, images);
  if (!image) return unreadable(kernel, image.error());
  auto held = read_image_facts(**image, line);
  if (!held) return unreadable(kernel, held.error());
  report.facts = std::move(*held);
  report.facts.modules = (*image)->modules();
  const auto directives = parse_modprobe(effective_modprobe(report.facts.config.modprobe));
  const auto inside = kernel_in(**image, kernel);
  auto blacklist = blacklisted(line, directives);
  blacklist.insert(report.facts.blacklisted.begin(), report.facts.blacklisted.end());
  const auto steps = load_steps(**image, report.facts, facts, inside, blacklist);
  if (!steps) return unreadable(kernel, steps.error());
  auto softdeps = read_foreign(**image, inside.softdeps.path).text;
  // modprobe in the image reads the kernel command line as it does anywhere.
  report.facts.config.parameter_ids =
      kernel.command_line ? ids_of_command_line(line) : next_boot_ids(facts);
  std::optional<Reason> unread;
  if (!report.facts.unread.empty()) {
    const auto& first = report.facts.unread.front();
    unread = {
        ReasonCause::image_file_unread,
        {{"file", Place{first.path}}, {"image", Place{images.back()}}, {"why", Word{first.why}}}};
  }
  const VfioBinding binding(report.facts.config, {inside.softdeps.path, std::move(softdeps)});
  const auto refused = parse_module_parameters(line).refused;
  for (const auto& contest : root) {
    if (contest.claim.kernel != kernel.release) continue;
    auto bound = binding.of(contest.device);
    bound.by_address = bound.by_address && report.facts.bind_script;
    ImageTurn turn{*steps, std::move(bound), unread, report.facts.setters};
    if (const auto& forced = report.facts.booster) {
      auto accepted = report.facts.modules;
      std::erase_if(accepted, [&](const auto& module) { return refused.contains(module); });
      turn.steps = {booster_step(*forced, accepted, contest.claim)};
      // Its init puts the kernel command line behind the options that the image has.
      if (report.facts.config.parameter_ids) forget_ids(turn.steps.front());
    }
    auto order = decide(after_image(contest, std::move(turn)));
    if (auto named = name_winner(files, kernel, order); !named) return failure_of(named);
    report.orders.push_back(std::move(order));
  }
  return report;
}

}  // namespace vfio_switch
