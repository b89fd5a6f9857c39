// SPDX-License-Identifier: GPL-3.0-or-later
// The same, for what writes JSON.
#include <nlohmann/json.hpp>

#include "values.h"
