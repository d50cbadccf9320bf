#include <algorithm>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "weir/cli/dump/files.h"

namespace weir::cli {
namespace {

constexpr std::string_view kSource = WEIR_SOURCE_DIR "/";

std::string whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool append(void* to, std::string_view text) {
  static_cast<std::string*>(to)->append(text);
  return true;
}

// The dump of files that a Kafka broker wrote, without the place where this tree lies.
std::string dumped(const std::vector<std::string>& names, bool json, uint64_t& problems) {
  std::string text;
  DumpOutput output(json, &append, &text);
  for (const std::string& name : names) {
    EXPECT_TRUE(dump_file(std::string(kSource) + "tests/golden/storage/golden-0/" + name, {.records = true}, output)) << name;
  }
  problems = output.problems();
  for (size_t at = text.find(kSource); at != std::string::npos; at = text.find(kSource, at)) text.erase(at, kSource.size());
  return text;
}

const std::vector<std::string> kFiles = {"00000000000000000021.index",     "00000000000000000039.log",
                                         "00000000000000000041.log",       "00000000000000000041.snapshot",
                                         "00000000000000000041.timeindex", "00000000000000000041.txnindex",
                                         "leader-epoch-checkpoint",        "partition.metadata"};

// Property: what Kafka wrote is shown as it was last looked at by a person, for people and for programs.
// Fails when a field, a column or a name changes: look at the difference, then take the new text over.
TEST(LogDump, golden_text_and_json) {
  for (const bool json : {false, true}) {
    const std::string path = std::string(kSource) + "tests/cli/golden/" + (json ? "dump.json" : "dump.txt");
    uint64_t problems = 0;
    const std::string text = dumped(kFiles, json, problems);
    EXPECT_EQ(problems, 0u);
    EXPECT_EQ(text, whole(path)) << path;
  }
}

// Property: damage is named with its place and never ends the program. Fails when garbage is shown as data without a word.
TEST(LogDump, damage_is_named) {
  std::string text;
  DumpOutput output(false, &append, &text);
  const Bytes noise(100, std::byte{0x7f});
  output.begin_file("x", "text", 0);
  dump_producer_snapshot(noise, Offset(0), output);
  dump_txn_index(noise, output);
  dump_offset_index(ByteView(noise).first(20), 0, output);
  dump_small_text("leader-epoch-checkpoint", "nonsense", output);
  dump_small_text("partition.metadata", "nonsense", output);
  dump_small_text("quorum-state", "nonsense", output);
  EXPECT_GE(output.problems(), 6u) << text;
}

}  // namespace
}  // namespace weir::cli
