// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/doctor/libexpat.h"

#include <dlfcn.h>

namespace vfio_switch {

namespace {

/// Of every release of libexpat 2 (2006 and later).
constexpr const char* library = "libexpat.so.1";

template <typename Function>
bool find(void* handle, const char* name, Function& function) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): dlsym(3) says so
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

Result<LibExpat> load_library() {
  LibExpat found;
  void* handle = ::dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  const bool whole =
      handle != nullptr && find(handle, "XML_ParserCreate", found.parser_create) &&
      find(handle, "XML_ParserFree", found.parser_free) &&
      find(handle, "XML_SetUserData", found.set_user_data) &&
      find(handle, "XML_SetElementHandler", found.set_element_handler) &&
      find(handle, "XML_SetCharacterDataHandler", found.set_character_data_handler) &&
      find(handle, "XML_Parse", found.parse) &&
      find(handle, "XML_GetErrorCode", found.get_error_code) &&
      find(handle, "XML_ErrorString", found.error_string) &&
      find(handle, "XML_GetCurrentLineNumber", found.get_current_line_number);
  if (whole) return found;
  return fail(std::string(library) + " is not installed");
}

}  // namespace

Result<const LibExpat*> LibExpat::load() {
  static const auto loaded = load_library();
  if (!loaded) return std::unexpected(loaded.error());
  return &*loaded;
}

}  // namespace vfio_switch
