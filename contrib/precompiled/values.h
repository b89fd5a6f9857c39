// SPDX-License-Identifier: GPL-3.0-or-later
// What nearly every source includes, compiled once for contrib/check --fast (contrib/fast.ini). The
// other builds take each source as it stands, so that none lacks an include of its own.
#include <algorithm>
#include <ranges>

#include "core/base/text.h"
#include "core/cards/refusal.h"
#include "core/machine/facts.h"
