// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <archive.h>

#include "core/base/error.h"

namespace vfio_switch {

/// libarchive's functions, as they are used here. The library is loaded when an image is opened: it
/// loads nine others, which took more of every command's start than everything else.
struct LibArchive {
  decltype(&::archive_read_new) read_new = nullptr;
  decltype(&::archive_read_free) read_free = nullptr;
  decltype(&::archive_read_open) read_open = nullptr;
  decltype(&::archive_read_next_header) read_next_header = nullptr;
  decltype(&::archive_read_data_block) read_data_block = nullptr;
  decltype(&::archive_read_support_format_raw) support_format_raw = nullptr;
  decltype(&::archive_read_support_filter_gzip) support_filter_gzip = nullptr;
  decltype(&::archive_read_support_filter_bzip2) support_filter_bzip2 = nullptr;
  decltype(&::archive_read_support_filter_lzma) support_filter_lzma = nullptr;
  decltype(&::archive_read_support_filter_xz) support_filter_xz = nullptr;
  decltype(&::archive_read_support_filter_lz4) support_filter_lz4 = nullptr;
  decltype(&::archive_read_support_filter_zstd) support_filter_zstd = nullptr;
  decltype(&::archive_filter_bytes) filter_bytes = nullptr;
  decltype(&::archive_error_string) error_string = nullptr;
  decltype(&::archive_set_error) set_error = nullptr;

  /// Loads it once. An Error where it is not installed.
  [[nodiscard]] static Result<const LibArchive*> load();
};

}  // namespace vfio_switch
