// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/libarchive.h"

#include <dlfcn.h>

#include <string>

namespace vfio_switch {

namespace {

/// Of every release of libarchive 3 (2013 and later).
constexpr const char* library = "libarchive.so.13";

template <typename Function>
bool find(void* handle, const char* name, Function& function) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): dlsym(3) says so
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

Result<LibArchive> load_library() {
  LibArchive found;
  void* handle = ::dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  const bool whole =
      handle != nullptr && find(handle, "archive_read_new", found.read_new) &&
      find(handle, "archive_read_free", found.read_free) &&
      find(handle, "archive_read_open", found.read_open) &&
      find(handle, "archive_read_next_header", found.read_next_header) &&
      find(handle, "archive_read_data_block", found.read_data_block) &&
      find(handle, "archive_read_support_format_raw", found.support_format_raw) &&
      find(handle, "archive_read_support_filter_gzip", found.support_filter_gzip) &&
      find(handle, "archive_read_support_filter_bzip2", found.support_filter_bzip2) &&
      find(handle, "archive_read_support_filter_lzma", found.support_filter_lzma) &&
      find(handle, "archive_read_support_filter_xz", found.support_filter_xz) &&
      find(handle, "archive_read_support_filter_lz4", found.support_filter_lz4) &&
      find(handle, "archive_read_support_filter_zstd", found.support_filter_zstd) &&
      find(handle, "archive_filter_bytes", found.filter_bytes) &&
      find(handle, "archive_error_string", found.error_string) &&
      find(handle, "archive_set_error", found.set_error);
  if (whole) return found;
  const char* why = ::dlerror();
  return fail(std::string("it cannot be unpacked: ") + (why == nullptr ? library : why),
              "Install libarchive.");
}

}  // namespace

Result<const LibArchive*> LibArchive::load() {
  static const auto loaded = load_library();
  if (!loaded) return std::unexpected(loaded.error());
  return &*loaded;
}

}  // namespace vfio_switch
