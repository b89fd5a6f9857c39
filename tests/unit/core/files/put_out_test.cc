// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/files/put_out.h"

#include <cstdlib>

#include "../../system/temporary_root.h"
#include "catch.h"
#include "core/files/seal.h"
#include "core/modules/modprobe_conf.h"

using namespace vfio_switch;
using test::TemporaryRoot;

TEST_CASE("A file that was put out of effect says nothing, and loses no byte") {
  const TemporaryRoot root;
  root.make_directory("/etc");
  const std::string path = "/etc/vfio.conf";
  const std::string all = [] {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    return bytes;
  }();
  const std::vector<std::string> contents = {
      "",
      "\n",
      "options vfio-pci ids=10de:1d01\n",
      "no line end",
      "options vfio-pci \\\nids=10de:1d01\n",
      "a comment that goes on \\",
      "# a comment\n\n\n  softdep nouveau pre: vfio-pci\r\n",
      std::string("nul\0options vfio-pci ids=1\n", 27),
      all + "\n" + all,
      put_out("/etc/other", "twice\n"),
  };
  for (const auto& content : contents) {
    const auto out = put_out(path, content);
    CHECK(is_inert(out));
    CHECK(parse_modprobe(ModprobeFile{path, out}).empty());
    CHECK(put_back(out) == content);
    // The command that it prints does the same, whatever stands there.
    root.write(path, out);
    const auto command = put_back_command(root.outside(path).string());
    CHECK(std::system(("LC_ALL=C " + command).c_str()) == 0);
    CHECK(root.content(path) == content);
  }
}

TEST_CASE("What was changed after it was put out of effect is not taken for it") {
  const auto out = put_out("/etc/x", "a\nb\n");
  CHECK_FALSE(put_back("a\nb\n"));
  CHECK_FALSE(put_back(""));
  CHECK_FALSE(put_back(out + "options vfio-pci ids=1\n"));
  CHECK(put_back(out + "#vfio-switch# c\n") == "a\nb\nc\n");
}
