// SPDX-License-Identifier: GPL-3.0-or-later
// What nearly every file of the unit tests includes, compiled once.
#include "catch.h"
#include "core/facts_builder.h"
#include "told.h"
