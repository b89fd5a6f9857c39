// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/boot_entries.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// The names under which distributions install microcode alone.
bool is_microcode(std::string_view path) {
  constexpr std::array<std::string_view, 5> names = {
      "intel-ucode.img", "amd-ucode.img", "intel-uc.img", "early_ucode.cpio", "ucode.img"};
  const auto name = path.substr(path.rfind('/') + 1);
  return std::ranges::find(names, name) != names.end();
}

bool is_usual(const BootEntry& entry) {
  return entry.kind == EntryKind::usual;
}

}  // namespace

bool is_ours(const BootEntry& entry) {
  return entry.kind != EntryKind::foreign && entry.kind != EntryKind::snapshot;
}

std::vector<const BootEntry*> usual_entries(const BootMenu& menu, std::string_view release) {
  std::vector<const BootEntry*> found;
  for (const auto& entry : menu.entries) {
    if (is_usual(entry) && entry.release == release) found.push_back(&entry);
  }
  auto next = next_entry(menu);
  // One boot may skip the menu; the default entry is what others start.
  if (!next) next = menu.default_entry;
  const auto* first = next ? &menu.entries[*next] : nullptr;
  std::ranges::stable_partition(found, [&](const BootEntry* entry) { return entry == first; });
  return found;
}

std::vector<std::string> files_of(const BootEntry& entry) {
  std::vector<std::string> files;
  if (why_no_files(entry)) return files;
  if (entry.unified_image) files.push_back(entry.unified_image->at);
  for (const auto& initrd : entry.initrds) {
    if (!is_microcode(initrd.path)) files.push_back(initrd.at);
  }
  return files;
}

std::optional<BootUnknown> why_no_files(const BootEntry& entry) {
  const auto is_lost = [](const BootFile& file) {
    return file.at.empty() && !is_microcode(file.path);
  };
  const bool lost = (entry.unified_image && is_lost(*entry.unified_image)) ||
                    (entry.kernel && is_lost(*entry.kernel)) ||
                    std::ranges::any_of(entry.initrds, is_lost);
  // A file that is not known as such: a variable in its name, a condition before it.
  const auto hides_file = [](const BootUnknown& unknown) {
    if (unknown.code == BootUnknownCode::missing && is_microcode(unknown.subject)) return false;
    return unknown.code != BootUnknownCode::release && unknown.code != BootUnknownCode::unreadable;
  };
  const auto found = std::ranges::find_if(entry.unknown, hides_file);
  if (found != entry.unknown.end()) return *found;
  if (!lost) return std::nullopt;
  return BootUnknown{BootUnknownCode::file_system, {}, entry.source.file, entry.source.line};
}

std::optional<std::string> copy_of(const Kernel& kernel) {
  if (!kernel.initramfs || kernel.loaded.empty() || kernel.builds_loaded) return std::nullopt;
  return kernel.loaded.back();
}

bool tells_kernels(const BootMenu& menu) {
  const auto tells = [](const BootEntry& entry) {
    return !is_usual(entry) || entry.release.has_value();
  };
  return std::ranges::any_of(menu.entries, is_usual) && std::ranges::all_of(menu.entries, tells) &&
         std::ranges::none_of(menu.notes, [](const BootUnknown& note) {
           return note.code == BootUnknownCode::limit || note.code == BootUnknownCode::unreadable;
         });
}

std::vector<const Kernel*> in_build_order(const SystemFacts& facts) {
  std::vector<const Kernel*> kernels;
  for (const auto& kernel : facts.kernels) kernels.push_back(&kernel);
  const auto next = next_entry(facts.boot_menu);
  if (!next) return kernels;
  const auto& release = facts.boot_menu.entries[*next].release;
  std::ranges::stable_partition(kernels,
                                [&](const Kernel* kernel) { return kernel->release != release; });
  return kernels;
}

void set_idle_kernels_apart(SystemFacts& facts) {
  if (!tells_kernels(facts.boot_menu)) return;
  const auto boots = [&](const Kernel& kernel) {
    return std::ranges::any_of(facts.boot_menu.entries, [&](const BootEntry& entry) {
      return is_ours(entry) && entry.release == kernel.release;
    });
  };
  // A menu that starts none of them is not about this root.
  if (std::ranges::none_of(facts.kernels, boots)) return;
  const auto idle = std::ranges::stable_partition(facts.kernels, boots);
  facts.idle_kernels.assign(std::make_move_iterator(idle.begin()),
                            std::make_move_iterator(idle.end()));
  facts.kernels.erase(idle.begin(), idle.end());
}

void expect_kernel(SystemFacts& facts, std::string_view release) {
  const auto found = std::ranges::find(facts.idle_kernels, release, &Kernel::release);
  if (found == facts.idle_kernels.end()) return;
  const auto behind = std::ranges::find_if(facts.kernels, [&](const Kernel& kernel) {
    return version_less(kernel.release, found->release);
  });
  facts.kernels.insert(behind, std::move(*found));
  facts.idle_kernels.erase(found);
}

}  // namespace vfio_switch
