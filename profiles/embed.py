#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the profiles as a C++ table, so that the program works without its package installed."""

import pathlib
import sys

output, *profiles = map(pathlib.Path, sys.argv[1:])
lines = ["// Generated from profiles/*.conf by profiles/embed.py.", '#include "system/machine/profile_store.h"', ""]
lines += ["namespace vfio_switch {", "", "const std::vector<EmbeddedProfile>& embedded_profiles() {"]
lines += ["  static const std::vector<EmbeddedProfile> profiles = {"]
for profile in sorted(profiles):
    lines.append(f'      {{"{profile.name}", R"PROFILE({profile.read_text()})PROFILE"}},')
lines += ["  };", "  return profiles;", "}", "", "}  // namespace vfio_switch", ""]
output.write_text("\n".join(lines))
