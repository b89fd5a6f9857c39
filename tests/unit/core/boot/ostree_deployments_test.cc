// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/ostree_deployments.h"

#include <string>
#include <string_view>

#include "catch.h"
#include "core/boot/parameter_edit.h"

namespace vfio_switch {

namespace {

constexpr std::string_view on = "intel_iommu=on";

ParameterFile entry(const std::string& name, const std::string& version,
                    const std::string& options) {
  const auto text = "title Fedora\n" + (version.empty() ? "" : "version " + version + "\n") +
                    "linux /vmlinuz\noptions root=a " + options + "\n";
  return {ParameterSyntax::boot_entry, "/boot/loader/entries/" + name + ".conf",
          RegularFile{text, 0644, 0, 0}};
}

/// As ostree_sysroot_stage_tree_with_options() serialises it, without its offsets.
std::string staged(std::string_view kargs) {
  using namespace std::string_literals;
  std::string text = "target\0\0name\0abc.0\0\0s"s;
  return text + "kargs\0\0\0"s + std::string(kargs) + "\0as\x12\x20"s;
}

}  // namespace

TEST_CASE("The deployment with the highest version starts next") {
  CHECK(next_has({{entry("ostree-1", "1", ""), entry("ostree-2", "2", "intel_iommu=on")}}, on));
  CHECK_FALSE(
      next_has({{entry("ostree-1", "1", "intel_iommu=on"), entry("ostree-2", "2", "")}}, on));
  CHECK(next_has({{entry("ostree-9", "9", ""), entry("ostree-10", "10", "intel_iommu=on")}}, on));
  // bootc with composefs: of one version the one that ends in 1.
  CHECK(next_has({{entry("bootc_f-42-0", "42", ""), entry("bootc_f-42-1", "42", "intel_iommu=on")}},
                 on));
  CHECK_FALSE(next_has({}, on));
}

TEST_CASE("A deployment that is staged comes before all that have an entry") {
  using namespace std::string_literals;
  const auto old = entry("ostree-1", "1", "intel_iommu=on");
  CHECK_FALSE(next_has({{old}, staged("root=a\0quiet"s)}, on));
  CHECK(next_has({{entry("ostree-1", "1", "")}, staged("root=a\0intel_iommu=on\0quiet"s)}, on));
  CHECK_FALSE(next_has({{old}, staged("root=a\0intel_iommu=on,sm_on"s)}, on));
  // One that says nothing inherits those of the one before.
  CHECK(next_has({{old}, "target\0\0name\0"s}, on));
}

TEST_CASE("Twice is once where a deployment is staged, and what is taken back is gone") {
  using namespace std::string_literals;
  RpmOstree ostree{{{entry("ostree-1", "1", "")}, staged("root=a\0intel_iommu=on"s)}};
  CHECK(has_parameter(BootLoader(ostree), on));
  ostree.deployments.staged = staged("root=a"s);
  CHECK_FALSE(has_parameter(BootLoader(ostree), on));
  CHECK(has_parameter(BootLoader(Bootc{{{entry("ostree-1", "1", "intel_iommu=on")}}}), on));
}

TEST_CASE("bootc is told to people: nothing on the machine decides for its next image") {
  const auto edit = edit_parameters(Bootc{}, {std::string(on)}, {});
  REQUIRE_FALSE(edit);
  CHECK(edit.error().reason == Reason(ReasonCause::image_decides));
}

}  // namespace vfio_switch
