// The table of options says "honoured" of an option only when some code reads it.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "weir/metadata/config_table.h"

namespace weir::node {
namespace {

using metadata::ConfigOption;
using metadata::ConfigScope;

std::string all_sources() {
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(WEIR_SOURCE_DIR "/src/weir")) {
    const std::string name = entry.path().filename().string();
    const bool is_code = name.ends_with(".cc") || name.ends_with(".h");
    if (!is_code || name.starts_with("config_rows") || name == "config_table.cc" || name.ends_with("_test.cc") || name.ends_with("_test.h")) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    text.append(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return text;
}

bool is_default_of_topics(std::string_view name) {
  for (const ConfigOption& option : metadata::options_of(ConfigScope::kTopic)) {
    for (const metadata::BrokerSynonym& synonym : metadata::broker_synonyms(option.name)) {
      if (synonym.broker_option == name) return true;  // PartitionConfig's tests look at those
    }
  }
  return false;
}

// Property: each broker option called honoured is named by code that is neither the table nor a test. Fails when a row promises
// what nothing does: six rows did.
TEST(HonouredOptions, are_read_by_somebody) {
  const std::string sources = all_sources();
  ASSERT_GT(sources.size(), 1'000'000u);
  for (const ConfigOption& option : metadata::options_of(ConfigScope::kBroker)) {
    if (metadata::status_of(option.effect) != metadata::ConfigStatus::kHonoured || is_default_of_topics(option.name)) continue;
    EXPECT_NE(sources.find(fmt::format("\"{}\"", option.name)), std::string::npos) << option.name;
  }
}

// Property: what is accepted without effect, or refused, says why. Fails when a row of a new kind has no reason.
TEST(HonouredOptions, all_others_have_a_reason) {
  for (const ConfigScope scope : {ConfigScope::kBroker, ConfigScope::kTopic, ConfigScope::kGroup, ConfigScope::kClientMetrics}) {
    for (const ConfigOption& option : metadata::options_of(scope)) {
      EXPECT_EQ(metadata::status_of(option.effect) == metadata::ConfigStatus::kHonoured, metadata::reason_of(option.effect).empty()) << option.name;
    }
  }
}

}  // namespace
}  // namespace weir::node
