// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_loader.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// For boot loaders that are recognised and left to people: the exact line, and where it goes.
[[nodiscard]] Obstacle obstacle(const Bootc& loader, const std::vector<std::string>& add,
                                const std::vector<std::string>& drop);
[[nodiscard]] Obstacle obstacle(const Limine& loader, const std::vector<std::string>& add,
                                const std::vector<std::string>& drop);
[[nodiscard]] Obstacle obstacle(const Refind& loader, const std::vector<std::string>& add,
                                const std::vector<std::string>& drop);
[[nodiscard]] Obstacle obstacle(const UnknownLoader& loader, const std::vector<std::string>& add,
                                const std::vector<std::string>& drop);

/// True if every entry of limine.conf that has a command line has `parameter` in it.
[[nodiscard]] bool limine_has(std::string_view text, std::string_view parameter);

/// The same of the lines of refind_linux.conf: `"title" "command line"`.
[[nodiscard]] bool refind_has(std::string_view text, std::string_view parameter);

}  // namespace vfio_switch
