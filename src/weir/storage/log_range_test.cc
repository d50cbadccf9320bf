// Ranges of files that are sent without being read: they are what a read would give, or nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/prng.h"
#include "weir/storage/log.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimWorld;

Task<void> ranges_are_reads(runtime::Environment& env, uint64_t seed, bool reopened) {
  Prng prng(seed);
  LogKit kit(env, 1);
  kit.range_bytes_min = 1;
  const LogOptions options{.segment_bytes = 20'000, .index_interval_bytes = static_cast<int32_t>(prng.between(100, 3000))};
  auto log = co_await kit.open(options, {.clean = false});
  EXPECT_TRUE(log) << log.error().describe();
  if (!log) co_return;
  for (int i = 0; i < 120; ++i) {
    (void)(*log)->append(make_batch({.records = 1 + static_cast<int>(prng.below(4)), .value_bytes = 1 + prng.below(600)}), client());
    if (prng.chance(20)) EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
  }
  EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
  if (reopened) {
    const Offset end = (*log)->end_offset();
    EXPECT_TRUE(co_await (*log)->close());
    log->reset();
    log = co_await kit.open(options, {.clean = true, .recovery_point = end});
    EXPECT_TRUE(log) << log.error().describe();
    if (!log) co_return;
  }
  const Offset end = (*log)->end_offset();
  int found = 0;
  for (int i = 0; i < 400; ++i) {
    const Offset from(prng.between(0, end.value() - 1));
    const Offset below = prng.chance(40) ? end : Offset(prng.between(from.value() + 1, end.value()));
    const size_t bytes_max = 1 + prng.below(30'000);
    const auto range = co_await (*log)->find_range(from, below, bytes_max);
    if (!range) continue;
    ++found;
    EXPECT_LE(range->file.size, bytes_max);
    Bytes bytes(range->file.size);
    auto* const file = dynamic_cast<runtime::File*>(range->file.source.get());
    EXPECT_EQ((co_await file->read_at(range->file.position, bytes)).value_or(0), bytes.size());
    // The same batches as a read that may see as far and has as much room.
    const auto read = co_await (*log)->read(from, range->next_offset, bytes.size(), true);
    EXPECT_TRUE(read && equal(joined(*read), bytes)) << from.value() << " below " << below.value();
    if (read) EXPECT_EQ(read->next_offset, range->next_offset);
    EXPECT_LE(range->next_offset, below);
  }
  EXPECT_GT(found, 100);
}
// Property: a range holds exactly the whole batches that a read with its bounds gives, in segments that are written to, sealed or
// found on disk, for any bound of offset and size. Fails when a batch is cut, skipped, or shown above the bound.
TEST(LogRange, is_what_a_read_gives) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SimWorld world(seed);
    runtime::SimNode& node = world.add_node("broker");
    runtime::Environment environment = node.environment();
    world.run(node, ranges_are_reads(environment, seed, seed % 2 == 0));
  }
}

Task<void> no_more_than_may_be_lent(runtime::Environment& env) {
  LogKit kit(env, 1);
  kit.range_bytes_min = 1;
  auto log = co_await kit.open({}, {.clean = false});
  for (int i = 0; i < 5; ++i) (void)(*log)->append(make_batch({.value_bytes = 100}), client());
  EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
  std::vector<LogRange> held;
  for (size_t i = 0; i < kit.files.lend_max(); ++i) {
    auto range = co_await (*log)->find_range(Offset(0), Offset(5), 100'000);
    EXPECT_TRUE(range);
    if (range) held.push_back(std::move(*range));
  }
  const auto refused = co_await (*log)->find_range(Offset(0), Offset(5), 100'000);
  EXPECT_FALSE(refused);
  held.pop_back();
  const auto again = co_await (*log)->find_range(Offset(0), Offset(5), 100'000);
  EXPECT_TRUE(again);
}
// Property: answers that nobody takes hold a bounded number of files open; beyond it records are read, and what is given back is
// lent again. Fails when slow clients can use up the descriptors of the process.
TEST(LogRange, lends_a_bounded_number_of_files) {
  SimWorld world(4);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, no_more_than_may_be_lent(environment));
}

Task<void> not_by_a_wrong_entry(runtime::Environment& env) {
  LogKit kit(env, 1);
  kit.range_bytes_min = 1;
  const LogOptions options{.index_interval_bytes = 300};
  Offset end;
  {
    auto log = co_await kit.open(options, {.clean = false});
    for (int i = 0; i < 60; ++i) (void)(*log)->append(make_batch({.records = 2, .value_bytes = 100}), client());
    EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
    end = (*log)->end_offset();
    EXPECT_TRUE(co_await (*log)->close());
  }
  // Every entry points a byte too far, but the last, which the start looks at.
  const std::string path = std::string(kLogPath) + "/00000000000000000000.index";
  auto index = co_await env.disk.open(path, runtime::OpenMode::kReadWrite);
  Bytes bytes(*(*index)->size());
  EXPECT_GT(bytes.size(), 80u);
  EXPECT_TRUE(co_await (*index)->read_at(0, bytes));
  for (size_t at = 4; at + 12 <= bytes.size(); at += 8) store_be(bytes.data() + at, load_be<int32_t>(bytes.data() + at) + 1);
  const ByteView part(bytes);
  EXPECT_TRUE(co_await (*index)->write_at(0, {&part, 1}));
  auto log = co_await kit.open(options, {.clean = true, .recovery_point = end});
  EXPECT_TRUE(log);
  if (!log) co_return;
  for (Offset from{0}; from < end; from = from.next()) {
    const auto range = co_await (*log)->find_range(from, end, 2000);
    if (!range) continue;
    // Only the end of the file needs no entry.
    EXPECT_EQ(range->next_offset, end);
  }
  const auto read = co_await (*log)->read(Offset(31), end, 500, true);
  EXPECT_TRUE(read && spans(*read)[0].first == 30);
}
// Property: an index entry is not believed before the batch it names was looked at.
TEST(LogRange, does_not_end_where_a_wrong_entry_says) {
  SimWorld world(3);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, not_by_a_wrong_entry(environment));
}

}  // namespace
}  // namespace weir::storage
