#include "weir/cli/backup/manifest.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: a manifest is read as it was written, and one that is not ours, or points outside, is refused.
TEST(BackupManifest, there_and_back) {
  Manifest manifest{"id", "2026-11-28T00:00:00.000Z", {}, {}};
  manifest.topics.push_back({"t\"", 3, {{"a", "b\n"}}, {{.index = 0, .file = "topics/t/0/x.log", .start = 1, .end = 5, .records = 4, .bytes = 99, .crc = 0xabc}}});
  manifest.groups.push_back({"g", {{"t", 0, 4, "m"}}});
  const std::string text = manifest_text(manifest);
  const auto back = parse_manifest(text);
  ASSERT_TRUE(back.has_value()) << back.error().describe();
  EXPECT_EQ(manifest_text(*back), text);
  const auto with = [&](std::string_view old, std::string_view fresh) {
    std::string changed = text;
    changed.replace(changed.find(old), old.size(), fresh);
    return parse_manifest(changed);
  };
  EXPECT_FALSE(with("weir-backup", "tar"));
  EXPECT_FALSE(with("\"version\": 1", "\"version\": 2"));
  EXPECT_FALSE(with("topics/t/0", "../../etc"));
  EXPECT_FALSE(with("\"start\": 1", "\"start\": -1"));
  EXPECT_FALSE(with("\"replication_factor\": 3", "\"replication_factor\": 65537"));  // 1 in 16 bits
  EXPECT_FALSE(with("\"partition\": 0, \"offset\"", "\"partition\": 4294967296, \"offset\""));
  EXPECT_FALSE(with("00000abc", ""));
  for (size_t cut = 0; cut + 2 < text.size(); cut += 7) EXPECT_FALSE(parse_manifest(std::string_view(text).substr(0, cut))) << cut;
}

}  // namespace
}  // namespace weir::cli
