#include "weir/server/fetch_session.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

FetchWish wish_of(const char* topic, int32_t partition) {
  FetchWish wish;
  wish.key = {kZeroUuid, topic, PartitionIndex(partition)};
  return wish;
}

FetchContext must(Result<FetchContext> result) {
  EXPECT_TRUE(result) << result.error().describe();
  return std::move(*result);
}

// Property: an incremental fetch remembers partitions, adds, forgets, and closes itself when none is left (KIP-227).
TEST(FetchSession, remembers_adds_and_forgets) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, false, {wish_of("a", 0), wish_of("a", 1)}, {}, {}));
  ASSERT_NE(full.session_id, 0);
  const FetchContext second = must(cache.begin(full.session_id, 1, false, {wish_of("b", 0)}, {{kZeroUuid, "a", PartitionIndex(1)}}, {}));
  const std::vector<CachedPartitionRef> partitions = second.session->take_due();
  ASSERT_EQ(partitions.size(), 2u);
  EXPECT_EQ(partitions[0]->wish.key.topic, "a");
  EXPECT_EQ(partitions[1]->wish.key.topic, "b");
  const FetchContext last = must(cache.begin(full.session_id, 2, false, {}, {partitions[0]->wish.key, partitions[1]->wish.key}, {}));
  EXPECT_EQ(last.session_id, 0);
  EXPECT_EQ(cache.sessions(), 0u);
}

// Property: wrong id, wrong epoch and a switch between names and ids are each told apart.
TEST(FetchSession, refuses_what_does_not_fit) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, true, {wish_of("a", 0)}, {}, {}));
  EXPECT_EQ(cache.begin(full.session_id + 1, 1, true, {}, {}, {}).error().code(), ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(cache.begin(full.session_id, 5, true, {}, {}, {}).error().code(), ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_EQ(cache.begin(full.session_id, 1, false, {}, {}, {}).error().code(), ErrorCode::kFetchSessionTopicIdError);
  EXPECT_TRUE(cache.begin(full.session_id, 1, true, {}, {}, {}));
}

// Property: a full cache serves without a session, and replaces one only when it has been idle for long.
TEST(FetchSession, a_full_cache_evicts_only_idle_sessions) {
  FetchSessionCache cache(1, 1);
  const int32_t first = must(cache.begin(0, 0, false, {wish_of("a", 0)}, {}, MonoTime{0})).session_id;
  EXPECT_EQ(must(cache.begin(0, 0, false, {wish_of("b", 0)}, {}, MonoTime{0} + 10s)).session_id, 0);
  EXPECT_NE(must(cache.begin(0, 0, false, {wish_of("b", 0)}, {}, MonoTime{0} + 150s)).session_id, 0);
  EXPECT_EQ(cache.begin(first, 1, false, {}, {}, MonoTime{0} + 150s).error().code(), ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(cache.evictions(), 1u);
}

// Property: an incremental answer names a partition only when something changed, an error and the recovery from it included.
TEST(FetchSession, answers_only_changes) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, false, {wish_of("a", 0)}, {}, {}));
  CachedPartition& partition = *full.all[0];
  const FetchOutcome quiet{.high_watermark = Offset(5), .log_start = Offset(0)};
  const FetchOutcome moved{.high_watermark = Offset(6), .log_start = Offset(0)};
  EXPECT_TRUE(partition.must_answer(false, quiet));
  EXPECT_FALSE(partition.must_answer(true, quiet));
  EXPECT_TRUE(partition.must_answer(true, moved));
  EXPECT_TRUE(partition.must_answer(true, {.error = ErrorCode::kKafkaStorageError, .high_watermark = Offset(6), .log_start = Offset(0)}));
  EXPECT_TRUE(partition.must_answer(true, moved));
  EXPECT_FALSE(partition.must_answer(true, moved));
}

std::vector<int32_t> due(FetchSession& session) {
  std::vector<int32_t> partitions;
  for (const CachedPartitionRef& partition : session.take_due()) partitions.push_back(partition->wish.key.partition.value());
  return partitions;
}

// Property: all is due at first, then what was given back and what a request names again, in that order and once each; what was
// forgotten is not.
TEST(FetchSession, only_what_is_due_is_looked_at) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, false, {wish_of("a", 0), wish_of("a", 1), wish_of("a", 2)}, {}, {}));
  EXPECT_EQ(due(*full.session), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_TRUE(due(*full.session).empty());
  full.session->give_back(*full.all[2]);
  full.session->give_back(*full.all[0]);
  full.session->give_back(*full.all[2]);
  const FetchContext next = must(cache.begin(full.session_id, 1, false, {wish_of("a", 0), wish_of("a", 1)}, {}, {}));
  ASSERT_EQ(next.session, full.session);
  EXPECT_EQ(due(*next.session), (std::vector<int32_t>{2, 0, 1}));
  next.session->give_back(*full.all[1]);
  const FetchContext last = must(cache.begin(full.session_id, 2, false, {}, {{kZeroUuid, "a", PartitionIndex(1)}}, {}));
  EXPECT_TRUE(due(*last.session).empty());
  last.session->give_back(*full.all[1]);
  EXPECT_TRUE(due(*last.session).empty());
  EXPECT_EQ(last.session->size(), 2u);
}

// Property: what was settled for one isolation is looked at again for another.
TEST(FetchSession, another_isolation_makes_all_due) {
  FetchSessionCache cache(10, 1);
  const FetchContext full = must(cache.begin(0, 0, false, {wish_of("a", 0)}, {}, {}));
  EXPECT_EQ(due(*full.session).size(), 1u);
  full.session->set_isolation(replication::Isolation::kReadUncommitted);
  EXPECT_TRUE(due(*full.session).empty());
  full.session->set_isolation(replication::Isolation::kReadCommitted);
  EXPECT_EQ(due(*full.session).size(), 1u);
}

// Property: sessions keep a bounded number of partitions, whoever asks. Fails when each client may park a list of a million.
TEST(FetchSession, partitions_of_all_sessions_are_bounded) {
  FetchSessionCache cache(1000, 1);
  const FetchContext small = must(cache.begin(0, 0, false, {wish_of("t", 0)}, {}, {}));
  ASSERT_NE(small.session_id, 0);
  std::vector<FetchWish> many(1'000'000);
  for (int32_t i = 0; i < 1'000'000; ++i) many[static_cast<size_t>(i)].key = {kZeroUuid, "t", PartitionIndex(1 + i)};
  const auto grown = cache.begin(small.session_id, 1, false, std::move(many), {}, {});
  ASSERT_FALSE(grown.has_value());
  EXPECT_EQ(grown.error().code(), ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(cache.partitions(), 0u);
}

}  // namespace
}  // namespace weir::server
