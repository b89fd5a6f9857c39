// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/menu_loss.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"

namespace vfio_switch {

namespace {

bool is_usual(const BootEntry& entry) {
  return entry.kind == EntryKind::usual;
}

/// It names the deployment, each its own.
bool is_deployment_word(std::string_view word) {
  return word.starts_with("ostree=");
}

/// What `entry` starts; empty where that is not known, or not there.
std::string kernel_of(const BootEntry& entry) {
  const auto& file = entry.unified_image ? entry.unified_image : entry.kernel;
  return file ? file->at : std::string();
}

/// What `entry` has become: by its id, or, where a boot counter or a new image changed that, by
/// kernel and title.
const BootEntry* find_again(const BootMenu& menu, const BootEntry& entry) {
  const auto same_id = std::ranges::find(menu.entries, entry.id, &BootEntry::id);
  if (same_id != menu.entries.end()) return &*same_id;
  const auto alike = std::ranges::find_if(menu.entries, [&](const BootEntry& other) {
    return is_usual(other) && other.title == entry.title && other.release == entry.release;
  });
  return alike == menu.entries.end() ? nullptr : &*alike;
}

/// True for a deployment of ostree's. A new one takes over the id and the title of the one before.
bool is_deployment(const BootEntry& entry) {
  if (!entry.command_line) return false;
  return std::ranges::any_of(split_words(*entry.command_line), is_deployment_word);
}

/// The first word of `was` that `is` has fewer times.
std::optional<std::string> lost_word(std::string_view was, std::string_view is,
                                     const std::vector<std::string>& drop) {
  auto left = split_words(is);
  for (const auto word : split_words(was)) {
    if (is_deployment_word(word) || std::ranges::find(drop, word) != drop.end()) continue;
    const auto found = std::ranges::find(left, word);
    if (found == left.end()) return std::string(word);
    left.erase(found);
  }
  return std::nullopt;
}

const BootEntry* starts_next(const BootMenu& menu) {
  const auto next = next_entry(menu);
  return next ? &menu.entries[*next] : nullptr;
}

/// What `entry` of the menu `before` has lost; nothing where it is as it was.
std::optional<MenuLoss> loss_of(const BootEntry& entry, const BootMenu& before,
                                const BootMenu& after, const std::vector<std::string>& drop,
                                const std::function<bool(const std::string& path)>& is_there) {
  const auto kernel = kernel_of(entry);
  if (!is_usual(entry) || !entry.command_line || kernel.empty()) return std::nullopt;
  const bool started_next = &entry == starts_next(before);
  const auto* first = starts_next(after);
  if (is_deployment(entry) && (!started_next || first == nullptr)) return std::nullopt;
  const auto* now = is_deployment(entry) ? first : find_again(after, entry);
  // proxmox-boot-tool(8) takes older kernels away from the ESPs.
  if (now == nullptr && !started_next && !is_there(kernel)) return std::nullopt;
  if (now == nullptr) return MenuLoss{MenuLoss::What::entry, entry.title, {}};
  if (!now->command_line) return std::nullopt;
  auto word = lost_word(*entry.command_line, *now->command_line, drop);
  if (!word) return std::nullopt;
  return MenuLoss{MenuLoss::What::word, entry.title, std::move(*word)};
}

}  // namespace

std::optional<MenuLoss> find_menu_loss(
    const BootMenu& before, const BootMenu& after, const std::vector<std::string>& add,
    const std::vector<std::string>& drop,
    const std::function<bool(const std::string& path)>& is_there) {
  // A menu that cannot be read says nothing about what is gone.
  const bool is_read = after.loader != LoaderKind::unknown && after.notes.empty();
  if (after.entries.empty() && !is_read) return std::nullopt;
  for (const auto& entry : before.entries) {
    if (auto loss = loss_of(entry, before, after, drop, is_there)) return loss;
  }
  const auto* first = starts_next(after);
  if (first == nullptr || !is_usual(*first) || !first->command_line) return std::nullopt;
  for (const auto& parameter : add) {
    if (has_parameter(*first->command_line, parameter)) continue;
    return MenuLoss{MenuLoss::What::missing, first->title, parameter};
  }
  return std::nullopt;
}

}  // namespace vfio_switch
