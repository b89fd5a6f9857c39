// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/kernelstub_settings.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "round_trips.h"

namespace vfio_switch {

namespace {

constexpr std::string_view on = "intel_iommu=on";
constexpr std::string_view pt = "iommu=pt";

/// What kernelstub writes: json.dump() of Python with an indent of 2.
std::string written(const std::vector<std::string>& options) {
  std::string list;
  for (const auto& option : options) {
    list += (list.empty() ? "\n" : ",\n") + std::string(8, ' ').substr(2) + "\"" + option + "\"";
  }
  if (!list.empty()) list += "\n    ";
  return "{\n  \"default\": {\n    \"kernel_options\": [\n      \"quiet\",\n      \"splash\"\n    "
         "],"
         "\n    \"config_rev\": 3\n  },\n  \"user\": {\n    \"kernel_options\": [" +
         list + "],\n    \"esp_path\": \"/boot/efi\",\n    \"config_rev\": 3\n  }\n}";
}

std::string user(std::string_view options) {
  return "{\"user\":{\"kernel_options\":" + std::string(options) + ",\"config_rev\":3}}\n";
}

}  // namespace

TEST_CASE("kernelstub's options: what is added is what it would write itself") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> options;
    for (auto left = random() % 5; left > 0; --left) {
      options.push_back(std::string(1 + random() % 3, static_cast<char>('a' + random() % 26)));
    }
    const auto before = written(options);
    const auto after = add_kernelstub_parameter(before, on);
    options.emplace_back(on);
    REQUIRE(after);
    CAPTURE(*after);
    // It writes the file anew whenever it runs: with a list that was empty, in its own form.
    if (options.size() > 1) CHECK(*after == written(options));
    CHECK(kernelstub_settings_have(*after, on));
    CHECK(remove_kernelstub_parameter(*after, on) == before);
    CHECK(remove_kernelstub_parameter(written(options), on) == before);
  }
}

TEST_CASE("kernelstub's options in every form that it takes") {
  struct Row {
    std::string before;
    std::string after;
  };
  const Row row = GENERATE(
      Row{user("[\"quiet\",\"splash\"]"), user("[\"quiet\",\"splash\",\"intel_iommu=on\"]")},
      Row{user("[\"quiet\", \"splash\"]"), user("[\"quiet\", \"splash\", \"intel_iommu=on\"]")},
      Row{user("[]"), user("[\"intel_iommu=on\"]")},
      Row{user("[ ]"), user("[\"intel_iommu=on\" ]")},
      Row{user("[ \"a=\\\"b c\\\"\" ]"), user("[ \"a=\\\"b c\\\"\", \"intel_iommu=on\" ]")},
      // A string of words in old revisions.
      Row{user("\"quiet splash\""), user("\"quiet splash intel_iommu=on\"")},
      Row{user("\"\""), user("\"intel_iommu=on\"")},
      // The default ones count where there are no others, and of the same key the last.
      Row{"{\"default\":{\"kernel_options\":[\"a\"]}}",
          "{\"default\":{\"kernel_options\":[\"a\",\"intel_iommu=on\"]}}"},
      Row{"{\"user\":{\"kernel_options\":[\"b\"]},\"default\":{\"kernel_options\":[]}}",
          "{\"user\":{\"kernel_options\":[\"b\",\"intel_iommu=on\"]},"
          "\"default\":{\"kernel_options\":[]}}"},
      Row{"{\"user\":{\"kernel_options\":[\"a\"],\"kernel_options\":[\"b\"]}}",
          "{\"user\":{\"kernel_options\":[\"a\"],\"kernel_options\":[\"b\",\"intel_iommu=on\"]}}"});
  CAPTURE(row.before);
  const auto added = add_kernelstub_parameter(row.before, on);
  REQUIRE(added == row.after);
  CHECK_FALSE(kernelstub_settings_have(row.before, on));
  CHECK(kernelstub_settings_have(*added, on));
  CHECK(remove_kernelstub_parameter(*added, on) == row.before);
  const auto both = add_kernelstub_parameter(*added, pt);
  REQUIRE(both);
  CHECK(remove_kernelstub_parameter(remove_kernelstub_parameter(*both, on), pt) == row.before);
  CHECK(remove_kernelstub_parameter(remove_kernelstub_parameter(*both, pt), on) == row.before);
}

TEST_CASE("A parameter leaves kernelstub's options wherever it stands") {
  const auto first = user("[\"iommu=pt\",\n \"quiet\"]");
  CHECK(remove_kernelstub_parameter(first, pt) == user("[\"quiet\"]"));
  CHECK(remove_kernelstub_parameter(user("[\"a\",\"iommu=pt\",\"b\"]"), pt) ==
        user("[\"a\",\"b\"]"));
  CHECK(remove_kernelstub_parameter(user("[\"quiet iommu=pt\",\"b\"]"), pt) ==
        user("[\"quiet\",\"b\"]"));
  // The list that kernelstub writes for one that held ours alone.
  CHECK(remove_kernelstub_parameter(written({"iommu=pt"}), pt) == written({}));
  // The others' words are nobody's to remove.
  const auto other =
      "{\"default\":{\"kernel_options\":[\"iommu=pt\"]},"
      "\"user\":{\"kernel_options\":[\"a\"]}}";
  CHECK(remove_kernelstub_parameter(other, pt) == other);
  CHECK_FALSE(kernelstub_settings_have(other, pt));
  CHECK(kernelstub_options(other) == "a");
}

TEST_CASE("kernelstub's configuration that is not understood is not edited") {
  const std::string_view texts[] = {
      "", "{}", "[]", "{\"user\":{}}", "{\"user\":[]}", "{\"user\":{\"kernel_options\":3}}",
      "{\"user\":{\"kernel_options\":[3]}}", "{\"user\":{\"kernel_options\":[\"a\"]}},",
      // As it is shipped in an example: Python takes no comma there.
      "{\"default\":{\"kernel_options\":\"quiet\"},}",
      // What stands behind "--" is not for the kernel.
      "{\"user\":{\"kernel_options\":[\"--\",\"s\"]}}",
      "{\"user\":{\"kernel_options\":[\"a=\\\"b\"]}}"};
  for (const auto text : texts) {
    CAPTURE(text);
    CHECK_FALSE(add_kernelstub_parameter(text, on));
    CHECK_FALSE(kernelstub_settings_have(text, on));
    CHECK(remove_kernelstub_parameter(text, on) == text);
  }
  CHECK_FALSE(add_kernelstub_parameter(std::string(100000, '['), on));
}

TEST_CASE("What kernelstub writes where") {
  const auto text = "{\"user\":{\"setup_loader\":true,\"manage_mode\" : false}}";
  CHECK(kernelstub_flag(text, "setup_loader") == true);
  CHECK(kernelstub_flag(text, "manage_mode") == false);
  CHECK(kernelstub_flag(text, "force_update") == std::nullopt);
  CHECK(kernelstub_flag("{\"default\":{\"manage_mode\":true}}", "manage_mode") == true);
  CHECK(kernelstub_flag("{", "manage_mode") == std::nullopt);
}

TEST_CASE("What is added can be taken out again, byte for byte: kernelstub's options") {
  const std::string head = "{\"default\": {}, \"user\": {\"x\": [1, {}], \"kernel_options\": [";
  const std::string tail = "], \"live_mode\": false}}";
  const auto whole = [&](std::string_view list) { return head + std::string(list) + tail; };
  const auto list_of = [&](const std::string& text) {
    return text.substr(head.size(), text.size() - head.size() - tail.size());
  };
  const auto edited = test::check_round_trips(
      {"\"quiet\", ", "\"a b\",", "\"ro\",\n      ", "\"x\"", "\"\\u0041=\\\"b c\\\"\"", " ", "\n",
       "\"--\"", "\"", "[", "]", ",", "1", "\\", "\"q\","},
      [&](std::string_view list, std::string_view parameter) {
        auto text = add_kernelstub_parameter(whole(list), parameter);
        return text ? std::optional(list_of(*text)) : std::nullopt;
      },
      [&](std::string_view list, std::string_view parameter) {
        return list_of(remove_kernelstub_parameter(whole(list), parameter));
      },
      [&](std::string_view list, std::string_view parameter) {
        return kernelstub_settings_have(whole(list), parameter);
      });
  CHECK(edited > 1000);
}

}  // namespace vfio_switch
