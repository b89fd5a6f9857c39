// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/kernel_image.h"

#include <string>

#include "catch.h"
#include "core/boot/menu_cases.h"
#include "core/boot/pe_builder.h"
#include "rounds.h"

namespace vfio_switch {

using test::for_mutations;
using test::le;
using test::pe_file;
using test::rounds;

namespace {

/// The header of a bzImage (Documentation/arch/x86/boot.rst); the version string lies at 0x200 plus
/// the number at 0x20e.
std::string bzimage(const std::string& version, std::size_t at = 0x400) {
  std::string image(0x1000, '\0');
  image.replace(0, 2, "MZ");
  image.replace(0x202, 4, "HdrS");
  image.replace(0x20e, 2, le(at - 0x200, 2));
  image.replace(at, version.size(), version);
  return image;
}

std::string arm64(const std::string& banner) {
  std::string image(0x8000, '\x01');
  image.replace(0, 2, "MZ");
  image.replace(56, 4, "ARM\x64");
  return image + banner + std::string(0x8000, '\x02');
}

std::string zboot(const std::string& payload, const std::string& compression) {
  std::string image = "MZ" + std::string(2, '\0') + "zimg" + le(0x200, 4) + le(payload.size(), 4);
  image.resize(24);
  image += compression;
  image.resize(0x200);
  return image + payload + "tail";
}

/// Stands in for what unpacks: hands on the bytes as they are, a few at a time.
bool unpack_plain(const std::string& image, const KernelPayload& payload,
                  const std::function<bool(std::string_view)>& take) {
  const auto bytes = std::string_view(image).substr(payload.offset, payload.size);
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    if (take(bytes.substr(at, 7))) break;
  }
  return true;
}

std::string release_of(const std::string& image) {
  const auto unpack = [&](const KernelPayload& payload,
                          const std::function<bool(std::string_view)>& take) {
    return unpack_plain(image, payload, take);
  };
  return read_kernel_release(bytes_of(image), unpack).value_or("none");
}

}  // namespace

TEST_CASE("The release of a kernel is in its image") {
  const std::string banner = "Linux version 6.12.1-arm64 (build@host) (gcc 14) #1 SMP";
  CHECK(release_of(bzimage("6.12.107+deb13-amd64 (debian-kernel@lists.debian.org) #1 SMP")) ==
        "6.12.107+deb13-amd64");
  CHECK(release_of(arm64(banner)) == "6.12.1-arm64");
  CHECK(release_of(arm64("Linux version %s (%s)\n" + banner)) == "6.12.1-arm64");
  CHECK(release_of(zboot(banner, "zstd")) == "6.12.1-arm64");
  CHECK(release_of("\x1f\x8b\x08" + banner) == "6.12.1-arm64");
  CHECK(release_of(pe_file({{".uname", "6.14.3-300.fc42.x86_64"}, {".linux", bzimage("6.1 x")}})) ==
        "6.14.3-300.fc42.x86_64");
  CHECK(release_of(pe_file({{".osrel", "ID=x"}, {".linux", bzimage("6.1.5-arch1-1 (x) y")}})) ==
        "6.1.5-arch1-1");
  CHECK(release_of(pe_file({{".osrel", "ID=x"}, {".linux", zboot(banner, "gzip")}})) ==
        "6.12.1-arm64");
}

TEST_CASE("An image that does not tell its release is not guessed at") {
  CHECK(release_of("") == "none");
  CHECK(release_of("no kernel\n") == "none");
  CHECK(release_of(bzimage("")) == "none");
  CHECK(release_of(bzimage("../../etc")) == "none");
  CHECK(release_of(bzimage("6.1/x y")) == "none");
  CHECK(release_of(bzimage("6.1", 0x200)) == "none");
  auto outside = bzimage("6.1.0 x");
  outside.replace(0x20e, 2, le(0xfff0, 2));
  CHECK(release_of(outside) == "none");
  CHECK(release_of(arm64("no banner")) == "none");
  CHECK(release_of(zboot("nothing in here", "zstd")) == "none");
  // memtest86+ has the header of a kernel and a version that is no release.
  CHECK(release_of(bzimage("memtest86+ 6.10")) == "none");
}

TEST_CASE("The payload of a zboot image lies inside it") {
  auto image = zboot("payload", "xzkern");
  CHECK(find_kernel_payload(bytes_of(image)) == KernelPayload{0x200, 7, "xzkern"});
  image.replace(12, 4, le(0xfffffff0, 4));
  CHECK_FALSE(find_kernel_payload(bytes_of(image)));
  image.replace(8, 4, le(0xfffffff0, 4));
  CHECK_FALSE(find_kernel_payload(bytes_of(image)));
}

TEST_CASE("The banner is found wherever pieces are cut") {
  const std::string text = "xxLinux version 6.1.0-9-amd64 (debian) yyy";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    KernelBanner banner;
    banner.take(text.substr(0, cut));
    banner.take(text.substr(cut));
    CHECK(banner.release() == "6.1.0-9-amd64");
  }
}

TEST_CASE("No mutation of a kernel image breaks its reader") {
  const std::string images[] = {bzimage("6.1.0 x").substr(0, 0x500),
                                zboot("Linux version 6.1 (x)", "gzip"),
                                arm64("Linux version 6.1 (x)").substr(0x7f00, 0x200)};
  for (const auto& image : images) {
    for_mutations(image, rounds(20'000), [&](const std::string& mutant) {
      const auto release = release_of(mutant);
      REQUIRE(release.size() < 128);
    });
  }
}

}  // namespace vfio_switch
