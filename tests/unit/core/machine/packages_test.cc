// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/packages.h"

#include "catch.h"

namespace vfio_switch {

TEST_CASE("What a package database knows comes back from its lines as it was") {
  const PackageFacts facts{{{"6.12.9-arch1-1", "linux"}, {"6.6.70-1-lts", ""}},
                           {"nvidia-open"},
                           {"mkinitcpio", "dracut"},
                           true};
  CHECK(parse_packages(render_packages(facts)) == facts);
  CHECK(parse_packages(render_packages({})) == PackageFacts{});
}

TEST_CASE("Lines of a newer helper are skipped") {
  CHECK(parse_packages("secure-boot yes\n\ndkms\n") == PackageFacts{{}, {}, {}, true});
}

}  // namespace vfio_switch
