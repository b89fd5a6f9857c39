// SPDX-License-Identifier: GPL-3.0-or-later
// The slow part of Catch2 2, built once.
#define CATCH_CONFIG_MAIN
#include "catch.h"
