#include "weir/server/fetch_session.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

FetchSlot slot_of(const char* topic, int32_t partition) {
  FetchSlot slot;
  slot.key = {kZeroUuid, topic, PartitionIndex(partition)};
  return slot;
}

FetchContext must(Result<FetchContext> result) {
  EXPECT_TRUE(result) << result.error().describe();
  return std::move(*result);
}

// Property: an incremental fetch remembers partitions, adds, forgets, and closes itself when none is left (KIP-227).
TEST(FetchSession, remembers_adds_and_forgets) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, false, {slot_of("a", 0), slot_of("a", 1)}, {}, {}));
  ASSERT_NE(full.session_id, 0);
  const FetchContext second = must(cache.begin(full.session_id, 1, false, {slot_of("b", 0)}, {{kZeroUuid, "a", PartitionIndex(1)}}, {}));
  ASSERT_EQ(second.slots.size(), 2u);
  EXPECT_EQ(second.slots[0]->key.topic, "a");
  EXPECT_EQ(second.slots[1]->key.topic, "b");
  const FetchContext last = must(cache.begin(full.session_id, 2, false, {}, {second.slots[0]->key, second.slots[1]->key}, {}));
  EXPECT_EQ(last.session_id, 0);
  EXPECT_EQ(cache.sessions(), 0u);
}

// Property: wrong id, wrong epoch and a switch between names and ids are each told apart.
TEST(FetchSession, refuses_what_does_not_fit) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, true, {slot_of("a", 0)}, {}, {}));
  EXPECT_EQ(cache.begin(full.session_id + 1, 1, true, {}, {}, {}).error().code(), ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(cache.begin(full.session_id, 5, true, {}, {}, {}).error().code(), ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_EQ(cache.begin(full.session_id, 1, false, {}, {}, {}).error().code(), ErrorCode::kFetchSessionTopicIdError);
  EXPECT_TRUE(cache.begin(full.session_id, 1, true, {}, {}, {}));
}

// Property: a full cache serves without a session, and replaces one only when it has been idle for long.
TEST(FetchSession, a_full_cache_evicts_only_idle_sessions) {
  FetchSessionCache cache(1, 1);
  const int32_t first = must(cache.begin(0, 0, false, {slot_of("a", 0)}, {}, MonoTime{0})).session_id;
  EXPECT_EQ(must(cache.begin(0, 0, false, {slot_of("b", 0)}, {}, MonoTime{0} + 10s)).session_id, 0);
  EXPECT_NE(must(cache.begin(0, 0, false, {slot_of("b", 0)}, {}, MonoTime{0} + 150s)).session_id, 0);
  EXPECT_EQ(cache.begin(first, 1, false, {}, {}, MonoTime{0} + 150s).error().code(), ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(cache.evictions(), 1u);
}

// Property: an incremental answer names a partition only when something changed, an error and the recovery from it included.
TEST(FetchSession, answers_only_changes) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, false, {slot_of("a", 0)}, {}, {}));
  const FetchOutcome quiet{.high_watermark = Offset(5), .log_start = Offset(0)};
  EXPECT_TRUE(FetchSessionCache::must_answer(full, *full.slots[0], quiet));
  const FetchContext next = must(cache.begin(full.session_id, 1, false, {}, {}, {}));
  EXPECT_FALSE(FetchSessionCache::must_answer(next, *next.slots[0], quiet));
  EXPECT_TRUE(FetchSessionCache::must_answer(next, *next.slots[0], {.high_watermark = Offset(6), .log_start = Offset(0)}));
  EXPECT_TRUE(FetchSessionCache::must_answer(next, *next.slots[0], {.error = ErrorCode::kKafkaStorageError, .high_watermark = Offset(6), .log_start = Offset(0)}));
  EXPECT_TRUE(FetchSessionCache::must_answer(next, *next.slots[0], {.high_watermark = Offset(6), .log_start = Offset(0)}));
  EXPECT_FALSE(FetchSessionCache::must_answer(next, *next.slots[0], {.high_watermark = Offset(6), .log_start = Offset(0)}));
}

// Property: a served partition goes to the end of the order, so that a busy one cannot starve the others.
TEST(FetchSession, served_partitions_rotate) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, false, {slot_of("a", 0), slot_of("a", 1), slot_of("a", 2)}, {}, {}));
  FetchSessionCache::rotate(full, {full.slots[0]});
  const FetchContext next = must(cache.begin(full.session_id, 1, false, {}, {}, {}));
  EXPECT_EQ(next.slots.back()->key.partition, PartitionIndex(0));
  EXPECT_EQ(next.slots.front()->key.partition, PartitionIndex(1));
}

// Property: sessions keep a bounded number of partitions, whoever asks. Fails when each client may park a list of a million.
TEST(FetchSession, partitions_of_all_sessions_are_bounded) {
  FetchSessionCache cache(1000, 1);
  const FetchContext small = must(cache.begin(0, 0, false, {slot_of("t", 0)}, {}, {}));
  ASSERT_NE(small.session_id, 0);
  std::vector<FetchSlot> many(1'000'000);
  for (int32_t i = 0; i < 1'000'000; ++i) many[static_cast<size_t>(i)].key = {kZeroUuid, "t", PartitionIndex(1 + i)};
  const auto grown = cache.begin(small.session_id, 1, false, std::move(many), {}, {});
  ASSERT_FALSE(grown.has_value());
  EXPECT_EQ(grown.error().code(), ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(cache.partitions(), 0u);
}

}  // namespace
}  // namespace weir::server
