// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <expat.h>

#include "core/base/error.h"

namespace vfio_switch {

/// libexpat's functions, as they are used here. The library is loaded when a definition of libvirt
/// is read: no other command starts the slower for it.
struct LibExpat {
  decltype(&::XML_ParserCreate) parser_create = nullptr;
  decltype(&::XML_ParserFree) parser_free = nullptr;
  decltype(&::XML_SetUserData) set_user_data = nullptr;
  decltype(&::XML_SetElementHandler) set_element_handler = nullptr;
  decltype(&::XML_SetCharacterDataHandler) set_character_data_handler = nullptr;
  decltype(&::XML_Parse) parse = nullptr;
  decltype(&::XML_GetErrorCode) get_error_code = nullptr;
  decltype(&::XML_ErrorString) error_string = nullptr;
  /// By its type: the newest expat calls it deprecated, and older ones have no other.
  XML_Size (*get_current_line_number)(XML_Parser) = nullptr;

  /// Loads it once. An Error where it is not installed.
  [[nodiscard]] static Result<const LibExpat*> load();
};

}  // namespace vfio_switch
