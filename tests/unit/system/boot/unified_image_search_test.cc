// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/unified_image_search.h"

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catch.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_remedy.h"
#include "core/files/file_state.h"
#include "core/files/own_paths.h"
#include "system/boot/boot_loaders.h"
#include "system/temporary_root.h"
#include "told.h"

namespace vfio_switch {

using test::has_text;
using test::TemporaryRoot;
using test::text_of;
using test::value_of;

namespace {

using Parameters = std::vector<std::string>;
using Texts = std::vector<std::pair<std::string, std::string>>;

const std::string on = "intel_iommu=on";

/// The content of a file, or that there is none.
std::string bytes(const FileState& state) {
  const auto* file = std::get_if<RegularFile>(&state);
  return file == nullptr ? "none" : "file: " + file->content;
}

/// A root whose menu has one unified image.
class UnifiedRoot : public TemporaryRoot {
 public:
  UnifiedRoot() { write("/boot/EFI/Linux/linux.efi", ""); }

  [[nodiscard]] BootLoader loader() const { return find_boot_loader(*reader()); }

  void preset(const std::string& lines) const {
    write("/usr/bin/mkinitcpio", "");
    write("/etc/mkinitcpio.d/linux.preset",
          "PRESETS=('default')\ndefault_uki=\"/boot/EFI/Linux/linux.efi\"\n" + lines);
  }

  /// What adding writes. Taking out again gives every byte back, and adding twice is adding once.
  [[nodiscard]] Texts add() const {
    const auto edit = edit_parameters(loader(), {on}, {});
    if (!edit) FAIL("unexpected: " << text_of(edit.error().reason));
    Texts texts;
    const auto files = store();
    for (const auto& change : edit->files) {
      texts.emplace_back(change.path, std::get<RegularFile>(change.after).content);
      std::filesystem::create_directories(outside(change.path).parent_path());
      value_of(files->replace(change.path, change.after));
    }
    CHECK_FALSE(edit->run);  // it comes with the image
    CHECK(comes_with_image(loader()));
    CHECK(has_parameter(loader(), on));
    CHECK(edit_parameters(loader(), {on}, {}).value().files.empty());
    const auto back = edit_parameters(loader(), {}, {on});
    REQUIRE(back);
    REQUIRE(back->files.size() == edit->files.size());
    for (std::size_t i = 0; i < back->files.size(); ++i) {
      CHECK(back->files[i].path == edit->files[i].path);
      CHECK(bytes(back->files[i].after) == bytes(edit->files[i].before));
    }
    return texts;
  }

  [[nodiscard]] std::string obstacle() const {
    const auto edit = edit_parameters(loader(), {on}, {});
    if (edit) FAIL("an obstacle was expected");
    return text_of(edit.error().reason);
  }
};

}  // namespace

TEST_CASE("mkinitcpio's unified images take what their presets name, else the usual files") {
  const UnifiedRoot root;
  root.write("/etc/kernel/cmdline", "root=a rw\n");
  root.write("/etc/cmdline.d/b.conf", "quiet\n");
  root.preset("");
  CHECK(root.add() == Texts{{"/etc/kernel/cmdline", "root=a rw " + on + "\n"}});

  root.preset("default_cmdline=/etc/own\n");
  root.write("/etc/own", "root=b rw\n");
  CHECK(root.add() == Texts{{"/etc/own", "root=b rw " + on + "\n"}});
  root.write("/etc/own", "root=b rw\n");
  root.preset("default_options=\"--cmdline /etc/own\"\n");
  CHECK(root.add() == Texts{{"/etc/own", "root=b rw " + on + "\n"}});
  root.write("/etc/own", "root=b rw\n");
  root.preset("ALL_cmdline=/etc/own\n");
  CHECK(root.add() == Texts{{"/etc/own", "root=b rw " + on + "\n"}});
}

TEST_CASE("Images with a command line each get the parameter each") {
  const UnifiedRoot root;
  root.write("/etc/own", "root=b rw\n");
  root.write("/etc/kernel/cmdline", "root=a rw\n");
  root.preset("PRESETS+=('other')\nother_uki=/boot/EFI/Linux/other.efi\nother_cmdline=/etc/own\n");
  CHECK(root.add() == Texts{{"/etc/kernel/cmdline", "root=a rw " + on + "\n"},
                            {"/etc/own", "root=b rw " + on + "\n"}});
}

TEST_CASE("A directory of command lines is joined") {
  const UnifiedRoot root;
  root.write("/etc/lines/a.conf", "root=a\n");
  root.write("/etc/lines/b.conf", "rw\n");
  root.write("/etc/kernel/cmdline", "root=unused\n");
  root.preset("default_cmdline=/etc/lines\n");
  CHECK(root.add() == Texts{{"/etc/lines/a.conf", "root=a " + on + "\n"}});
}

TEST_CASE("Where no file holds it, the first one would replace all that is taken otherwise") {
  const UnifiedRoot root;
  SECTION("mkinitcpio: the running kernel's") {
    root.preset("");
    CHECK_THAT(root.obstacle(), has_text("neither /etc/kernel/cmdline nor"));
  }
  SECTION("dracut: what it finds out of the machine") {
    root.write("/usr/bin/dracut", "");
    root.write("/etc/dracut.conf.d/uefi.conf", "uefi=\"yes\"\nhostonly_cmdline=\"yes\"\n");
    root.write("/etc/kernel/cmdline", "root=a\n");  // which dracut does not read
    CHECK_THAT(root.obstacle(), has_text("dracut makes the command line"));
  }
}

TEST_CASE("dracut's unified images take kernel_cmdline, which a drop-in adds to") {
  const UnifiedRoot root;
  root.write("/usr/bin/dracut", "");
  root.write("/etc/dracut.conf.d/line.conf", "uefi=yes\nkernel_cmdline=\"root=a rw\"\n");
  const auto texts = root.add();
  REQUIRE(texts.size() == 1);
  CHECK(texts[0].first == dracut_drop_in_path);
  CHECK_THAT(texts[0].second, has_text("\nkernel_cmdline+=\" " + on + " \"\n"));
  CHECK_THAT(text_of(parameter_remedy(root.loader(), {}, {"rw"})),
             has_text("dracut --regenerate-all --force"));
}

TEST_CASE("kernel-install has ukify read /etc/kernel/cmdline, and dracut its own settings") {
  const UnifiedRoot root;
  root.write("/usr/bin/dracut", "");
  root.write("/etc/kernel/cmdline", "root=a rw");
  root.write("/etc/dracut.conf", "kernel_cmdline=\"root=b\"\n");
  root.write("/etc/kernel/install.conf", "layout=uki\nuki_generator=ukify\n");
  CHECK(root.add() == Texts{{"/etc/kernel/cmdline", "root=a rw " + on}});
  root.write("/etc/kernel/cmdline", "root=a rw");
  root.write("/etc/kernel/install.conf", "layout=uki\nuki_generator=dracut\n");
  const auto texts = root.add();
  REQUIRE(texts.size() == 1);
  CHECK(texts[0].first == dracut_drop_in_path);
}

TEST_CASE("A file of dracut's that another of its name masks sets nothing") {
  const UnifiedRoot root;
  root.write("/usr/bin/dracut", "");
  root.write("/usr/lib/dracut/dracut.conf.d/10-x.conf", "uefi=yes\nkernel_cmdline=\"root=a\"\n");
  CHECK(root.add().size() == 1);
  std::filesystem::remove(root.outside(std::string(dracut_drop_in_path)));
  root.write("/etc/dracut.conf.d/10-x.conf", "uefi=yes\n");
  CHECK_THAT(root.obstacle(), has_text("dracut makes the command line"));
}

}  // namespace vfio_switch
