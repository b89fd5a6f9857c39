// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/image_verdict.h"

#include <algorithm>
#include <array>

#include "core/binding/driver_config.h"
#include "core/binding/generated_files.h"
#include "core/files/kept_lines.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

/// What the file at `path` says; nothing where it is absent, or says nothing.
std::optional<std::string> said_by(const std::vector<ModprobeFile>& files, std::string_view path) {
  const auto file = std::ranges::find(files, path, &ModprobeFile::path);
  if (file == files.end() || !is_live(file->content)) return std::nullopt;
  return file->content;
}

/// Why the image's copies of our files are not those of `config`; nothing where they are. One that
/// holds no configuration at all, of nobody, has nothing that could be old.
std::optional<Reason> staleness(const ImageFacts& image, const DriverConfig& config) {
  constexpr std::array paths = {vfio_conf_path, softdep_conf_path};
  for (const auto path : paths) {
    const auto in_image = said_by(image.config.modprobe, path);
    const auto wanted = said_by(config.modprobe, path);
    if (in_image == wanted || (!in_image && !image.has_modprobe_d)) continue;
    return Reason(in_image ? ReasonCause::image_file_older : ReasonCause::image_lacks_file,
                  {{"file", Place{std::string(path)}}});
  }
  if (image.config.overrides != config.overrides) {
    return Reason(ReasonCause::image_file_older, {{"file", Place{std::string(override_path)}}});
  }
  return std::nullopt;
}

/// True where somebody else's line or parameter gives the function to vfio-pci: no build of the
/// image undoes that.
bool is_of_others(const LoadOrder& order) {
  using enum ReasonCause;
  constexpr std::array causes = {list_gives_ids, parameter_gives_ids, file_gives_ids,
                                 driverctl_gives};
  return order.reason && std::ranges::find(causes, order.reason->cause) != causes.end();
}

bool vfio_wins(const std::vector<LoadOrder>& orders, const LoadOrder& like) {
  return std::ranges::any_of(orders, [&](const LoadOrder& order) {
    return order.kernel == like.kernel && order.device == like.device && order.vfio_wins();
  });
}

}  // namespace

ImageVerdict judge_image(const ImageReport& image, const Kernel& kernel, const DriverConfig& config,
                         const std::vector<LoadOrder>& root, Intent intent) {
  if (image.condition == ImageCondition::unknown) return {std::nullopt, image.problem};
  if (image.condition != ImageCondition::readable) return {false, image.problem};
  if (!image.root_decides) {
    if (auto stale = staleness(image.facts, config)) return {false, std::move(stale)};
  }
  ImageVerdict verdict{true, {}, image.root_decides};
  for (const auto& order : image.orders) {
    if (intent == Intent::unset) break;  // nothing is wanted: what others set up is theirs
    if (intent != Intent::enabled) {
      if (!order.vfio_wins() || vfio_wins(root, order) || is_of_others(order)) continue;
      return {false, Reason(ReasonCause::image_still_vfio, {{"device", order.device}})};
    }
    if (kernel.vfio_pci == ModuleForm::missing || (order.proved && order.vfio_wins())) continue;
    if (order.vfio_wins() && order.is_undecided()) {
      verdict.staged.reset();
      verdict.reason = order.reason;
      continue;
    }
    return {false, Reason(ReasonCause::image_other_driver,
                          {{"device", order.device}, {"reason", order.reason.value_or(Reason())}})};
  }
  return verdict;
}

}  // namespace vfio_switch
