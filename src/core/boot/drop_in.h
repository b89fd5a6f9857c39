// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/diff.h"

namespace vfio_switch {

/// A settings file of our own, for a tool that reads a directory of them. It is written whole, so
/// that nothing of it is anybody else's, and holds one line with our parameters.
struct DropIn {
  std::string_view path;
  std::string_view head;  ///< of the line; the parameters follow
  std::string_view tail;  ///< of the line
};

/// For grub-mkconfig, where the distribution's sources a directory.
[[nodiscard]] const DropIn& grub_drop_in();
/// For sdboot-manage, from the version on that sources /etc/sdboot-manage.conf.d.
[[nodiscard]] const DropIn& sdboot_drop_in();
/// For limine-entry-tool(8).
[[nodiscard]] const DropIn& limine_drop_in();
/// For dracut(8), where it makes unified images.
[[nodiscard]] const DropIn& dracut_drop_in();
/// For u-boot-update(8), from the version on that sources /etc/u-boot-menu/conf.d. What kernels get
/// by default stays.
[[nodiscard]] const DropIn& u_boot_drop_in();

/// The one at `path`; null where none is.
[[nodiscard]] const DropIn* drop_in_at(std::string_view path);

/// The content for `parameters`.
[[nodiscard]] std::string render_drop_in(const DropIn& drop_in,
                                         const std::vector<std::string>& parameters);

/// The parameters of a content that render_drop_in() made.
[[nodiscard]] std::vector<std::string> drop_in_parameters(const DropIn& drop_in,
                                                          std::string_view content);

/// The change after which it has `add`, and no longer `drop`; nothing where it stays as it is. It
/// goes with its last parameter.
[[nodiscard]] std::optional<FileChange> edit_drop_in(const DropIn& drop_in, const FileState& before,
                                                     const std::vector<std::string>& add,
                                                     const std::vector<std::string>& drop);

}  // namespace vfio_switch
