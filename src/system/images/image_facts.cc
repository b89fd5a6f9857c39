// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/image_facts.h"

#include <string>

#include "core/binding/override.h"
#include "core/files/own_paths.h"
#include "system/images/image_steps.h"
#include "system/modules/modprobe_config.h"
#include "system/modules/override_setters.h"

namespace vfio_switch {

Result<ImageFacts> read_image_facts(const FileReader& image, std::string_view command_line) {
  ForeignFiles files(image);
  ImageFacts facts;
  facts.config.modprobe = read_modprobe_config(files);
  facts.config.overrides = parse_override(files.text(std::string(override_path)));
  facts.bind_script = image.exists(std::string(bind_path));
  facts.has_modprobe_d = image.exists("/etc/modprobe.d");
  if (auto read = read_image_steps(files, command_line, facts); !read) return failure_of(read);
  facts.setters = read_image_override_setters(files);
  facts.unread = files.unread();
  return facts;
}

}  // namespace vfio_switch
