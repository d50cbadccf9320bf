// The small parts of storage by themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/storage/checkpoint_file.h"
#include "weir/storage/clean_shutdown.h"
#include "weir/storage/leader_epoch_cache.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/retention.h"
#include "weir/storage/segment_files.h"
#include "weir/storage/sparse_index.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using ::testing::HasSubstr;
using runtime::SimWorld;
using runtime::Task;

// Property: directory names go both ways, the longest topic name still fits a file name, and nothing else parses.
TEST(Names, directories) {
  const std::string longest(249, 'a');
  for (const std::string& topic : {std::string("orders"), std::string("a-b.c_d"), longest}) {
    const auto plain = parse_directory_name(directory_name(topic, PartitionIndex(12)));
    ASSERT_TRUE(plain && plain->kind == DirectoryKind::kLog);
    EXPECT_EQ(plain->partition, (TopicPartition{topic, PartitionIndex(12)}));
    const std::string name = directory_name(topic, PartitionIndex(12), Uuid{1, 2}, DirectoryKind::kDelete);
    EXPECT_LE(name.size(), 255u);
    const auto deleted = parse_directory_name(name);
    EXPECT_TRUE(deleted && deleted->kind == DirectoryKind::kDelete);
  }
  for (const char* bad : {"orders", "orders-", "-3", "orders--1x", "or/ders-1", "lost+found", "orders-99999999999", "orders-03"}) {
    EXPECT_FALSE(parse_directory_name(bad)) << bad;
  }
}

// Property: segment file names go both ways with their marks; other names are none of ours.
TEST(Names, segment_files) {
  const auto name = parse_segment_file_name("00000000000000000042.timeindex.deleted");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->base, Offset(42));
  EXPECT_EQ(name->suffix, kTimeIndexSuffix);
  EXPECT_EQ(name->mark, kDeletedSuffix);
  EXPECT_EQ(segment_file_name(Offset(42), kLogSuffix), "00000000000000000042.log");
  for (const char* bad : {"42.log", "0000000000000000004x.log", "00000000000000000042.lo", "-0000000000000000042.log", "partition.metadata"}) {
    EXPECT_FALSE(parse_segment_file_name(bad)) << bad;
  }
}

// Property: a damaged checkpoint is refused with its line; Kafka's empty file is an empty one.
TEST(Checkpoint, refuses_damage) {
  EXPECT_TRUE(parse_checkpoint("") && parse_checkpoint("")->empty());
  EXPECT_THAT(parse_checkpoint("1\n0\n").error().message(), HasSubstr("line 1"));
  EXPECT_THAT(parse_checkpoint("0\n2\na 0 1\n").error().message(), HasSubstr("line 2"));
  EXPECT_THAT(parse_checkpoint("0\n1\na 0\n").error().message(), HasSubstr("line 3"));
  EXPECT_THAT(parse_checkpoint("0\n1\na 0 x\n").error().message(), HasSubstr("line 3"));
  EXPECT_FALSE(parse_checkpoint("0\n-1\n"));
}

// Property: Java's escapes, comments, separators and continued lines are read as java.util.Properties reads them.
TEST(Properties, java_rules) {
  const auto parsed = parse_properties("# no=1\n! no=2\n a\\:b = c\\=d \nk:v\nlong = one\\\n   two\nuni=\\u00e9\\u4e2d\nempty\nlatin=\xe9\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at("a:b"), "c=d ");
  EXPECT_EQ(parsed->at("k"), "v");
  EXPECT_EQ(parsed->at("long"), "onetwo");
  EXPECT_EQ(parsed->at("uni"), "\xc3\xa9\xe4\xb8\xad");
  EXPECT_EQ(parsed->at("empty"), "");
  EXPECT_EQ(parsed->at("latin"), "\xc3\xa9");
  EXPECT_FALSE(parsed->contains("no"));
  EXPECT_FALSE(parse_properties("a=\\u12\n"));
  EXPECT_THAT(parse_meta_properties("version=3\n", "p").error().message(), HasSubstr("p: version 3"));
  EXPECT_THAT(parse_meta_properties("version=1\nnode.id=1\n", "p").error().message(), HasSubstr("cluster.id"));
  EXPECT_EQ(parse_meta_properties("version=0\nbroker.id=4\n", "p")->node_id, BrokerId(4));
}

// Property: a cluster id of any characters is the same after it was written and read. Fails when only the separators are escaped: the
// file is ISO-8859-1, and a line break ends the value.
TEST(Properties, what_is_written_is_read_back) {
  for (const std::string id : {"u1Yx-0_a", " a:b=c#d!e\\f ", "\xc3\xa9\xe4\xb8\xad", "two\nlines\r\t\f\x01\x7f"}) {
    const auto again = parse_meta_properties(format_meta_properties({.cluster_id = id, .node_id = BrokerId(3)}), "ours");
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ(again->cluster_id, id);
  }
}

// Property: a marker of another shape says clean, but not when.
TEST(CleanShutdown, shapes) {
  EXPECT_EQ(parse_clean_shutdown("{ \"version\" : 0, \"brokerEpoch\" : -1 }"), -1);
  EXPECT_FALSE(parse_clean_shutdown(""));
  EXPECT_FALSE(parse_clean_shutdown("{\"version\":1,\"brokerEpoch\":4}"));
}

// Property: OffsetForLeaderEpoch answers as Kafka's cache does, and truncations keep the entry that covers their offset.
TEST(LeaderEpochs, answers) {
  LeaderEpochCache cache;
  EXPECT_EQ(cache.end_of(LeaderEpoch(0), Offset(10)).end_offset, kNoOffset);
  EXPECT_TRUE(cache.assign(LeaderEpoch(2), Offset(10)));
  EXPECT_FALSE(cache.assign(LeaderEpoch(2), Offset(15)));
  EXPECT_TRUE(cache.assign(LeaderEpoch(5), Offset(20)));
  EXPECT_EQ(cache.end_of(LeaderEpoch(5), Offset(30)).end_offset, Offset(30));
  EXPECT_EQ(cache.end_of(LeaderEpoch(6), Offset(30)).end_offset, kNoOffset);
  EXPECT_EQ(cache.end_of(LeaderEpoch(3), Offset(30)).end_offset, Offset(20));
  EXPECT_EQ(cache.end_of(LeaderEpoch(3), Offset(30)).leader_epoch, LeaderEpoch(2));
  EXPECT_EQ(cache.end_of(LeaderEpoch(1), Offset(30)).end_offset, Offset(10));
  EXPECT_EQ(cache.end_of(LeaderEpoch(1), Offset(30)).leader_epoch, LeaderEpoch(1));
  EXPECT_EQ(cache.at(Offset(9)), kNoLeaderEpoch);
  EXPECT_EQ(cache.at(Offset(25)), LeaderEpoch(5));
  EXPECT_TRUE(cache.truncate_from_start(Offset(15)));
  EXPECT_EQ(cache.entries().front(), (LeaderEpochCache::Entry{LeaderEpoch(2), Offset(15)}));
  EXPECT_TRUE(cache.truncate_from_end(Offset(20)));
  EXPECT_EQ(cache.latest(), LeaderEpoch(2));
  EXPECT_EQ(LeaderEpochCache::parse(cache.format())->entries(), cache.entries());
  EXPECT_FALSE(LeaderEpochCache::parse("0\n1\n2\n"));
}

// Property: retention by size never goes below the bound, by time only whole old segments go from the front, the high
// watermark protects, and the newest segment goes only by age and only with records in it.
TEST(Retention, chooses) {
  const std::vector<SegmentFacts> segments{{Offset(0), Offset(10), 100, 1000}, {Offset(10), Offset(20), 100, 5000},
                                           {Offset(20), Offset(30), 100, 2000}, {Offset(30), Offset(31), 10, 9000}};
  LogOptions options{.retention_ms = -1};
  EXPECT_EQ(expired_segments(segments, options, Offset(0), Offset(31), 1'000'000), 0u);
  options.retention_bytes = 210;
  EXPECT_EQ(expired_segments(segments, options, Offset(0), Offset(31), 0), 1u);
  options.retention_bytes = 0;
  EXPECT_EQ(expired_segments(segments, options, Offset(0), Offset(31), 0), 3u);
  EXPECT_EQ(expired_segments(segments, options, Offset(0), Offset(25), 0), 2u);
  options = {.retention_ms = 2000};
  EXPECT_EQ(expired_segments(segments, options, Offset(0), Offset(31), 4000), 1u);
  EXPECT_EQ(expired_segments(segments, options, Offset(0), Offset(31), 8000), 3u);
  EXPECT_EQ(expired_segments(segments, options, Offset(0), Offset(31), 12'000), 4u);
  options = {.retention_ms = -1, .cleanup_delete = false};
  EXPECT_EQ(expired_segments(segments, options, Offset(20), Offset(31), 0), 2u);   // below the log start
}

// Property: a search gives the last entry that goes before, wherever it lies: in the file (over its binary search), in memory,
// or nowhere; also after a part was written and after a truncation.
Task<void> search_index(runtime::Environment& env) {
  FileCache files(env.disk, 4);
  EXPECT_TRUE(co_await env.disk.create_directories("/i"));
  OffsetIndex index;
  constexpr int kEntries = 3000;
  const std::string path = "/i/0.index";
  for (int i = 1; i <= kEntries; ++i) {
    index.append({10 * i, 100 * i});
    if (i == 1200 || i == 2500) EXPECT_TRUE(co_await index.write(files, path));
  }
  EXPECT_EQ(index.in_file(), 2500u);
  const auto find = [&](int offset) -> Task<int> {
    const auto found = co_await index.last_where(files, path, [=](const OffsetEntry& entry) { return entry.relative_offset <= offset; });
    EXPECT_TRUE(found);
    co_return *found ? (*found)->position : 0;
  };
  for (int offset = 0; offset <= 10 * kEntries + 5; offset += 7) {
    const int position = co_await find(offset);
    EXPECT_EQ(position, offset / 10 * 100) << offset;
  }
  EXPECT_TRUE(co_await index.truncate(files, path, [](const OffsetEntry& entry) { return entry.relative_offset >= 20'000; }));
  EXPECT_EQ(index.entries(), 1999u);
  const int last = co_await find(1 << 30);
  EXPECT_EQ(last, 199'900);
  index.append({20'000, 7'000'000});
  EXPECT_TRUE(co_await index.write(files, path));
  const auto stat = co_await env.disk.stat(path);
  EXPECT_EQ(stat->size, 2000u * OffsetEntry::kBytes);
}
TEST(SparseIndex, searches) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, search_index(environment));
}

// Property: a block is charged once however many batches pin it, the charge goes when the last of them goes, the oldest batch
// goes first, and a small batch does not pin a large block.
TEST(TailCache, charges_blocks) {
  TailCache cache(100'000);
  LogTail one(cache);
  LogTail two(cache);
  const SharedBytes frame = SharedBytes::allocate(30'000);
  one.push(Offset(0), Offset(0), frame.slice(0, 10'000));
  two.push(Offset(0), Offset(0), frame.slice(10'000, 10'000));
  one.push(Offset(1), Offset(1), frame.slice(20'000, 10'000));
  EXPECT_EQ(cache.bytes_charged(), 30'000u);
  one.clear();
  EXPECT_EQ(cache.bytes_charged(), 30'000u);
  two.clear();
  EXPECT_EQ(cache.bytes_charged(), 0u);
  for (int i = 0; i < 5; ++i) (i % 2 == 0 ? one : two).push(Offset(i), Offset(i), SharedBytes::allocate(30'000));
  EXPECT_EQ(cache.bytes_charged(), 90'000u);
  EXPECT_EQ(one.begin_offset(), Offset(2));
  EXPECT_EQ(two.begin_offset(), Offset(3));
  one.truncate(Offset(4));
  EXPECT_EQ(cache.bytes_charged(), 60'000u);
  const SharedBytes small = cache.settle(frame.slice(0, 100));
  EXPECT_NE(small.block(), frame.block());
  EXPECT_TRUE(equal(small, frame.view().first(100)));
  EXPECT_EQ(cache.settle(frame.slice(0, 5'000)).block(), frame.block());
}

}  // namespace
}  // namespace weir::storage
