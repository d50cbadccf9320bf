// What a log promises while it runs and across a clean stop. Crashes: log_crash_test.cc.
#include "weir/storage/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::Pair;
using runtime::SimWorld;

// Runs `body(env)` on a healthy node; the body is a coroutine that uses EXPECT.
template <typename Body>
void on_node(uint64_t seed, Body body) {
  SimWorld world(seed);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, body(environment));
}

Task<void> append_and_read(runtime::Environment& env) {
  for (const size_t cache_bytes : {size_t{1} << 20, size_t{1}}) {
    LogKit kit(env, cache_bytes);
    auto log = co_await kit.open({}, {.clean = false});
    EXPECT_TRUE(log) << log.error().describe();
    if (!log) co_return;
    const Offset begin = (*log)->end_offset();
    Bytes expected;
    for (int i = 0; i < 50; ++i) {
      SharedBytes batch = make_batch({.records = 1 + i % 3, .value_bytes = static_cast<size_t>(i * 37 % 700)});
      const Result<AppendResult> appended = (*log)->append(batch, client(3));
      EXPECT_TRUE(appended);
      EXPECT_EQ((*log)->end_offset(), appended->last_offset.next());
      EXPECT_EQ(record::BatchView::parse(batch)->base_offset(), appended->base_offset);
      EXPECT_EQ(record::BatchView::parse(batch)->leader_epoch(), LeaderEpoch(3));
      expected.insert(expected.end(), batch.view().begin(), batch.view().end());
    }
    EXPECT_LT((*log)->written_end(), (*log)->end_offset());
    EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
    auto all = co_await (*log)->read(begin, (*log)->end_offset(), 1 << 20, true);
    EXPECT_TRUE(all) << all.error().describe();
    EXPECT_TRUE(equal(joined(*all), expected));
    EXPECT_EQ(all->next_offset, (*log)->end_offset());
    // From every offset: the batch that holds it comes first, whole.
    for (Offset from = begin; from < (*log)->end_offset(); from = from.next()) {
      auto some = co_await (*log)->read(from, (*log)->end_offset(), 1, true);
      EXPECT_TRUE(some && spans(*some).size() == 1);
      if (!some) co_return;
      const auto [base, last] = spans(*some)[0];
      EXPECT_TRUE(base <= from.value() && from.value() <= last) << base << " " << from.value() << " " << last;
      EXPECT_TRUE(record::BatchView::parse(joined(*some))->crc_matches());
    }
    auto none = co_await (*log)->read(begin, (*log)->end_offset(), 1, false);
    EXPECT_TRUE(none && none->bytes == 0);
    auto at_end = co_await (*log)->read((*log)->end_offset(), (*log)->end_offset(), 100, true);
    EXPECT_TRUE(at_end && at_end->bytes == 0);
    auto beyond = co_await (*log)->read((*log)->end_offset().next(), Offset(1000), 100, true);
    EXPECT_EQ(beyond.error().code(), ErrorCode::kOffsetOutOfRange);
    EXPECT_TRUE(co_await (*log)->close());
  }
}
// Property: offsets are given in call order without a gap, and what is read is what was appended, from memory and from disk.
TEST(Log, gives_back_what_was_appended) { on_node(1, append_and_read); }

Task<void> read_below(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE((*log)->append(make_batch({.records = 5}), client()));
  EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
  EXPECT_THAT(spans(*co_await (*log)->read(Offset(0), Offset(10), 1 << 20, true)), ElementsAre(Pair(0, 4), Pair(5, 9)));
  EXPECT_THAT(spans(*co_await (*log)->read(Offset(7), Offset(10), 1 << 20, true)), ElementsAre(Pair(5, 9)));
  EXPECT_THAT(spans(*co_await (*log)->read(Offset(0), Offset(12), 1 << 20, true)), ElementsAre(Pair(0, 4), Pair(5, 9)));
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: `below` (a high watermark, a last stable offset) hides what lies at or after it.
TEST(Log, shows_nothing_at_or_after_the_bound) { on_node(2, read_below); }

Task<void> reopen(runtime::Environment& env) {
  const LogOptions options{.segment_bytes = 3000, .index_interval_bytes = 500};
  Bytes expected;
  Offset end;
  for (int round = 0; round < 5; ++round) {
    LogKit kit(env);
    auto log = co_await kit.open(options, {.clean = round > 0, .recovery_point = end});
    EXPECT_TRUE(log) << log.error().describe();
    if (!log) co_return;
    EXPECT_EQ((*log)->end_offset(), end);
    EXPECT_EQ((*log)->recovery_point(), end);
    EXPECT_EQ((*log)->latest_epoch(), round == 0 ? kNoLeaderEpoch : LeaderEpoch(round));
    EXPECT_EQ((*log)->producers().size(), round == 0 ? 0u : 1u);
    Bytes found;
    for (Offset at{0}; at < end;) {
      auto read = co_await (*log)->read(at, end, 700, true);
      EXPECT_TRUE(read && read->bytes > 0) << at.value();
      if (!read || read->bytes == 0) co_return;
      const Bytes bytes = joined(*read);
      found.insert(found.end(), bytes.begin(), bytes.end());
      at = read->next_offset;
    }
    EXPECT_TRUE(equal(found, expected));
    for (int i = 0; i < 20; ++i) {
      SharedBytes batch = make_batch({.records = 2, .value_bytes = static_cast<size_t>(i * 41 % 300), .producer_id = ProducerId(7),
                                      .producer_epoch = ProducerEpoch(0), .base_sequence = (round * 20 + i) * 2});
      EXPECT_TRUE((*log)->append(batch, client(round + 1)));
      expected.insert(expected.end(), batch.view().begin(), batch.view().end());
      if (i % 7 == 3) EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
    }
    end = (*log)->end_offset();
    EXPECT_TRUE(co_await (*log)->close());
  }
  auto files = co_await env.disk.list(std::string(kLogPath));
  int logs = 0;
  for (const auto& file : *files) logs += file.name.ends_with(".log") ? 1 : 0;
  EXPECT_GT(logs, 5);
}
// Property: after a clean stop everything is there again: records, epochs, producers, offsets; and segments rolled by size are
// read across their borders.
TEST(Log, is_the_same_after_a_clean_stop) {
  for (uint64_t seed = 0; seed < 10; ++seed) on_node(seed, reopen);
}

Task<void> durable_by_few_syncs(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open({.flush_on_ack = true});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_EQ((*log)->durable_end(), Offset(0));
  EXPECT_TRUE(co_await (*log)->durable(Offset(100), Deadline::never()));
  EXPECT_EQ((*log)->durable_end(), Offset(100));
  EXPECT_LE(kit.directory.flushes().syncs_begun(), 3u);
  auto late = co_await (*log)->durable(Offset(200), Deadline::at(env.executor.now() + 1s));
  EXPECT_EQ(late.error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: durable() resolves only when the bytes survive, and one sync serves many waiters.
TEST(Log, one_sync_serves_many) { on_node(3, durable_by_few_syncs); }

Task<void> idempotence(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open();
  const auto batch = [](int32_t sequence, int16_t epoch = 1, int records = 2) {
    return make_batch({.records = records, .producer_id = ProducerId(9), .producer_epoch = ProducerEpoch(epoch), .base_sequence = sequence});
  };
  EXPECT_TRUE((*log)->append(batch(100), client()));   // unknown producer: any sequence
  for (int i = 1; i < 7; ++i) EXPECT_TRUE((*log)->append(batch(100 + 2 * i), client()));
  const Offset end = (*log)->end_offset();
  for (int i = 2; i < 7; ++i) {
    const auto repeated = (*log)->append(batch(100 + 2 * i), client());
    EXPECT_TRUE(repeated && repeated->duplicate);
    EXPECT_EQ(repeated->base_offset, Offset(2 * i));
    EXPECT_EQ(repeated->last_offset, Offset(2 * i + 1));
  }
  EXPECT_EQ((*log)->append(batch(102), client()).error().code(), ErrorCode::kOutOfOrderSequenceNumber);   // sixth from the end
  EXPECT_EQ((*log)->append(batch(120), client()).error().code(), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ((*log)->append(batch(114, 0), client()).error().code(), ErrorCode::kInvalidProducerEpoch);
  EXPECT_EQ((*log)->append(batch(5, 2), client()).error().code(), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ((*log)->end_offset(), end);
  EXPECT_TRUE((*log)->append(batch(0, 2), client()));
  EXPECT_EQ((*log)->append(batch(114, 1), client()).error().code(), ErrorCode::kInvalidProducerEpoch);

  const auto other = [](int32_t sequence, int records) {
    return make_batch({.records = records, .producer_id = ProducerId(10), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence});
  };
  EXPECT_TRUE((*log)->append(other(INT32_MAX - 1, 3), client()));   // last sequence is 0
  EXPECT_TRUE((*log)->append(other(1, 1), client()));
  const auto wrapped = (*log)->append(other(INT32_MAX - 1, 3), client());
  EXPECT_TRUE(wrapped && wrapped->duplicate);
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: a duplicate of any of the last five batches is answered with its old offsets; a gap, an old epoch and a batch
// outside an open transaction are refused and leave no trace; sequences wrap from 2^31 - 1 to 0.
TEST(Log, recognises_duplicates_and_gaps) { on_node(4, idempotence); }

Task<void> duplicates_after_restart(runtime::Environment& env) {
  const auto batch = [](int32_t sequence) {
    return make_batch({.records = 1, .producer_id = ProducerId(9), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence});
  };
  {
    LogKit kit(env);
    auto log = co_await kit.open();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE((*log)->append(batch(i), client()));
    EXPECT_TRUE(co_await (*log)->close());
  }
  LogKit kit(env);
  auto log = co_await kit.open({}, {.clean = true, .recovery_point = Offset(3)});
  for (const int32_t sequence : {2, 0, 1}) {
    const auto repeated = (*log)->append(batch(sequence), client());
    EXPECT_TRUE(repeated && repeated->duplicate && repeated->base_offset == Offset(sequence)) << sequence;
  }
  EXPECT_EQ((*log)->append(batch(4), client()).error().code(), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_TRUE((*log)->append(batch(3), client()));
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: the batches a producer may have under way, the last five, are recognised after a restart, through the snapshot.
TEST(Log, recognises_duplicates_after_a_restart) { on_node(5, duplicates_after_restart); }

Task<void> transactions(runtime::Environment& env) {
  const ProducerId one(1);
  const ProducerId two(2);
  const auto data = [](ProducerId id, int32_t sequence) {
    return make_batch({.records = 1, .producer_id = id, .producer_epoch = ProducerEpoch(0), .base_sequence = sequence, .is_transactional = true});
  };
  {
    LogKit kit(env);
    auto log = co_await kit.open({.segment_bytes = 400});
    EXPECT_TRUE((*log)->append(make_batch({}), client()));                                                        // 0
    EXPECT_TRUE((*log)->append(data(one, 0), client()));                                                          // 1
    EXPECT_TRUE((*log)->append(data(two, 0), client()));                                                          // 2
    EXPECT_EQ((*log)->last_stable_offset(Offset(3)), Offset(1));
    EXPECT_EQ((*log)->last_stable_offset(Offset(1)), Offset(1));
    const auto outside = make_batch({.producer_id = one, .producer_epoch = ProducerEpoch(0), .base_sequence = 1});
    EXPECT_EQ((*log)->append(outside, client()).error().code(), ErrorCode::kInvalidTxnState);
    EXPECT_TRUE((*log)->append(make_marker(record::ControlType::kAbort, one, ProducerEpoch(0), 5), coordinator()));   // 3
    EXPECT_EQ((*log)->last_stable_offset(Offset(3)), Offset(1));   // the marker is not replicated yet
    EXPECT_EQ((*log)->last_stable_offset(Offset(4)), Offset(2));
    EXPECT_TRUE((*log)->append(make_marker(record::ControlType::kCommit, two, ProducerEpoch(0), 5), coordinator()));  // 4
    EXPECT_EQ((*log)->last_stable_offset(Offset(5)), Offset(5));
    EXPECT_EQ((*log)->append(make_marker(record::ControlType::kCommit, two, ProducerEpoch(0), 4), coordinator()).error().code(),
              ErrorCode::kTransactionCoordinatorFenced);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE((*log)->append(data(two, 1), client()));                                                          // 15, stays open
    EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
    const auto aborted = co_await (*log)->aborted_transactions(Offset(0), Offset(5));
    EXPECT_TRUE(aborted && aborted->size() == 1);
    EXPECT_EQ((*aborted)[0].producer_id, one);
    EXPECT_EQ((*aborted)[0].first_offset, Offset(1));
    EXPECT_EQ((*aborted)[0].last_offset, Offset(3));
    EXPECT_EQ((*aborted)[0].last_stable_offset, Offset(2));
    EXPECT_TRUE((co_await (*log)->aborted_transactions(Offset(4), Offset(16)))->empty());
    EXPECT_TRUE((co_await (*log)->aborted_transactions(Offset(0), Offset(1)))->empty());
    EXPECT_TRUE(co_await (*log)->close());
  }
  for (const bool clean : {true, false}) {
    LogKit kit(env);
    auto log = co_await kit.open({.segment_bytes = 400}, {.clean = clean, .recovery_point = Offset(clean ? 16 : 0)});
    EXPECT_EQ((*log)->end_offset(), Offset(16));
    EXPECT_EQ((*log)->last_stable_offset(Offset(16)), Offset(15));
    const auto aborted = co_await (*log)->aborted_transactions(Offset(0), Offset(16));
    EXPECT_TRUE(aborted && aborted->size() == 1 && (*aborted)[0].last_offset == Offset(3)) << clean;
    EXPECT_EQ((*log)->producers().size(), 2u);
    EXPECT_EQ((*log)->producers()[1].transaction_start, Offset(15));
    EXPECT_TRUE(co_await (*log)->close());
  }
}
// Property: the last stable offset is the first open transaction, and stays there until its marker is replicated; aborted ones
// are listed for exactly the reads that meet them, before and after a roll and a restart.
TEST(Log, knows_its_transactions) { on_node(6, transactions); }

Task<void> timestamps(runtime::Environment& env) {
  LogKit kit(env, 1);
  auto log = co_await kit.open({.segment_bytes = 2000, .index_interval_bytes = 200});
  // Batches of three records at 1000 i, 1000 i + 1, 1000 i + 2, but number 13 lies in the future.
  for (int i = 0; i < 60; ++i) {
    EXPECT_TRUE((*log)->append(make_batch({.records = 3, .timestamp = i == 13 ? 500'000 : 1000 * i}), client(1, 1000 * i)));
  }
  EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
  codec::Codecs codecs;
  const Offset end = (*log)->end_offset();
  for (int i = 0; i < 13; ++i) {
    const auto found = co_await (*log)->offset_for_timestamp(1000 * i + 1, end, codecs);
    EXPECT_TRUE(found && *found);
    EXPECT_EQ((*found)->offset, Offset(3 * i + 1));
    EXPECT_EQ((*found)->timestamp, 1000 * i + 1);
    EXPECT_EQ((*found)->leader_epoch, LeaderEpoch(1));
  }
  const auto after = co_await (*log)->offset_for_timestamp(20'000, end, codecs);
  EXPECT_EQ((*after)->offset, Offset(39));
  const auto hidden = co_await (*log)->offset_for_timestamp(20'000, Offset(39), codecs);
  EXPECT_TRUE(hidden && !*hidden);
  const auto never = co_await (*log)->offset_for_timestamp(500'003, end, codecs);
  EXPECT_TRUE(never && !*never);
  const auto largest = co_await (*log)->max_timestamp(codecs, Deadline::never());
  EXPECT_TRUE(largest && *largest);
  EXPECT_EQ((*largest)->timestamp, 500'002);
  EXPECT_EQ((*largest)->offset, Offset(41));
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: the first record at or after a time, and the first with the largest, whatever the batches and segments.
TEST(Log, finds_offsets_by_time) { on_node(7, timestamps); }

Task<void> truncation(runtime::Environment& env) {
  const LogOptions options{.segment_bytes = 1500, .index_interval_bytes = 100};
  const auto batch = [](int32_t sequence) {
    return make_batch({.records = 2, .producer_id = ProducerId(4), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence});
  };
  for (const int keep : {39, 25, 24, 11, 4, 0}) {
    {
      LogKit kit(env);
      auto log = co_await kit.open(options, {.clean = false});
      EXPECT_TRUE(co_await (*log)->truncate_fully_and_start_at(Offset(0)));
      for (int i = 0; i < 20; ++i) EXPECT_TRUE((*log)->append(batch(2 * i), client(i / 4)));
      EXPECT_TRUE(co_await (*log)->truncate_to(Offset(keep)));
      const int batches = keep / 2;
      EXPECT_EQ((*log)->end_offset(), Offset(2 * batches)) << keep;
      EXPECT_EQ((*log)->written_end(), Offset(2 * batches));
      EXPECT_EQ((*log)->latest_epoch(), batches == 0 ? kNoLeaderEpoch : LeaderEpoch((batches - 1) / 4));
      const auto gap = (*log)->append(batch(2 * batches + 2), client(9));
      EXPECT_TRUE(batches == 0 || gap.error().code() == ErrorCode::kOutOfOrderSequenceNumber);
      if (batches > 0) EXPECT_TRUE((*log)->append(batch(2 * batches), client(9)));
      EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
      EXPECT_EQ(spans(*co_await (*log)->read(Offset(0), Offset(100), 100, true))[0], std::make_pair(int64_t{0}, int64_t{1}));
      EXPECT_TRUE(co_await (*log)->close());
    }
    LogKit kit(env);
    auto log = co_await kit.open(options, {.clean = true});
    EXPECT_EQ((*log)->end_offset(), Offset(2 * (keep / 2) + 2));
    EXPECT_EQ((*log)->latest_epoch(), LeaderEpoch(9));
    EXPECT_TRUE(co_await (*log)->close());
  }
}
// Property: a truncation leaves exactly the batches before it, and producers, epochs and offsets as if the rest had never been,
// also after a restart.
TEST(Log, truncates) { on_node(8, truncation); }

Task<void> start_and_retention(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open({.segment_bytes = 1000, .retention_ms = 1000, .file_delete_delay_ms = 5000});
  for (int i = 0; i < 40; ++i) EXPECT_TRUE((*log)->append(make_batch({.timestamp = 1000 * i}), client()));
  EXPECT_TRUE(co_await (*log)->written(Offset(40), Deadline::never()));
  EXPECT_EQ((co_await (*log)->advance_start_offset(Offset(31), Offset(30))).error().code(), ErrorCode::kOffsetOutOfRange);
  EXPECT_TRUE(co_await (*log)->flush());
  EXPECT_TRUE(co_await (*log)->advance_start_offset(Offset(15), Offset(40)));
  EXPECT_EQ((*log)->start_offset(), Offset(15));
  EXPECT_EQ((*log)->recovery_point(), Offset(40));   // what stays was synced
  EXPECT_EQ((co_await (*log)->read(Offset(14), Offset(40), 100, true)).error().code(), ErrorCode::kOffsetOutOfRange);
  EXPECT_TRUE(co_await (*log)->read(Offset(15), Offset(40), 100, true));
  const auto count = [&](std::string_view ending) -> Task<int> {
    const auto files = co_await env.disk.list(std::string(kLogPath));
    int found = 0;
    for (const auto& file : *files) found += file.name.ends_with(ending) ? 1 : 0;
    co_return found;
  };
  // Files go in the background.
  const auto pass = [&](Duration time) -> Task<bool> {
    const auto slept = co_await runtime::sleep_until(env.executor, env.executor.now() + time);
    co_return slept.has_value();
  };
  EXPECT_TRUE(co_await pass(100ms));
  const int marked = co_await count(".log.deleted");
  EXPECT_GT(marked, 0);
  const bool slept = co_await pass(6s);
  EXPECT_TRUE(slept);
  EXPECT_EQ(co_await count(".deleted"), 0);
  EXPECT_EQ(*co_await (*log)->apply_retention(Offset(40), 15'000), 0);
  EXPECT_GT(*co_await (*log)->apply_retention(Offset(40), 35'000), 0);
  EXPECT_GT((*log)->start_offset(), Offset(15));
  EXPECT_TRUE(co_await pass(100ms));
  EXPECT_GT(*co_await (*log)->apply_retention(Offset(40), 1'000'000), 0);
  EXPECT_EQ((*log)->start_offset(), Offset(40));
  EXPECT_TRUE(co_await pass(100ms));
  EXPECT_EQ((*log)->size_bytes(), 0);
  EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_TRUE(co_await (*log)->written(Offset(41), Deadline::never()));
  EXPECT_THAT(spans(*co_await (*log)->read(Offset(40), Offset(41), 100, true)), ElementsAre(Pair(40, 40)));
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: the log start hides what lies before it, whole segments go (first by name), and the newest segment goes only by a roll.
TEST(Log, forgets_its_beginning) { on_node(9, start_and_retention); }

struct FailureSeen final : LogObserver {
  void on_written(Offset) override {}
  void on_durable(Offset) override { durable = true; }
  void on_start_moved(Offset) override {}
  void on_failed(const Error& error) override { code = error.code(); }
  bool durable = false;
  ErrorCode code = ErrorCode::kNone;
};
// Property: a failed sync takes the directory offline at once and for good; nobody is told that data is durable.
TEST(Log, a_failed_sync_takes_the_directory_offline) {
  SimWorld world(10);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  const auto body = [](runtime::Environment& env, runtime::SimNode& broker) -> Task<void> {
    LogKit kit(env);
    auto log = co_await kit.open({.flush_on_ack = true});
    FailureSeen seen;
    (*log)->observe(&seen);
    broker.disk().options().sync_error_ppm = 1'000'000;
    EXPECT_TRUE((*log)->append(make_batch({}), client()));
    const auto durable = co_await (*log)->durable(Offset(1), Deadline::never());
    EXPECT_EQ(durable.error().code(), ErrorCode::kKafkaStorageError);
    broker.disk().options().sync_error_ppm = 0;
    EXPECT_EQ(seen.code, ErrorCode::kKafkaStorageError);
    EXPECT_FALSE(seen.durable);
    EXPECT_TRUE(kit.directory.is_offline());
    EXPECT_EQ((*log)->append(make_batch({}), client()).error().code(), ErrorCode::kKafkaStorageError);
    EXPECT_FALSE(co_await (*log)->close());
  };
  world.run(node, body(environment, node));
}

Task<void> flushed_in_time(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open({.flush_ms = 100});
  const auto append_one = [&]() -> Task<void> {
    EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
  };
  co_await append_one();
  EXPECT_TRUE(co_await runtime::sleep_until(env.executor, env.executor.now() + 105ms));
  EXPECT_EQ((*log)->durable_end(), Offset(0));   // its sync is under way
  co_await append_one();
  EXPECT_TRUE(co_await runtime::sleep_until(env.executor, env.executor.now() + 1s));
  EXPECT_EQ((*log)->durable_end(), Offset(2));
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: with flush.ms every record is synced in time, also one that was written while the records before it were synced.
// Fails when the end of that sync takes its timer away: it then waits for the next append, which may never come.
TEST(Log, flushes_what_was_written_during_a_sync) {
  SimWorld world(11);
  runtime::SimNode& node = world.add_node("broker");
  node.disk().options().sync_min = node.disk().options().sync_mean = 10ms;
  runtime::Environment environment = node.environment();
  world.run(node, flushed_in_time(environment));
}

Task<void> truncate_it(Log* log, Offset to, bool* done) {
  EXPECT_TRUE(co_await log->truncate_to(to));
  *done = true;
}

Task<void> appended_while_truncating(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open({.segment_bytes = 1500, .index_interval_bytes = 100});
  for (int i = 0; i < 40; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_TRUE(co_await (*log)->written(Offset(40), Deadline::never()));
  bool done = false;
  int refused = 0;
  runtime::TaskGroup group(env.executor);
  group.spawn(&truncate_it, log->get(), Offset(10), &done);
  while (!done) {
    EXPECT_TRUE(co_await runtime::sleep_until(env.executor, env.executor.now() + 20us));
    if (done || (*log)->end_offset() == Offset(40)) continue;   // over, or it waits for its turn
    const auto appended = (*log)->append(make_batch({.fill = 'n'}), client(1));
    EXPECT_EQ(appended ? ErrorCode::kNone : appended.error().code(), ErrorCode::kKafkaStorageError);
    ++refused;
  }
  EXPECT_TRUE(co_await group.join());
  EXPECT_GT(refused, 0);
  EXPECT_TRUE((*log)->append(make_batch({.fill = 'n'}), client(1)));
  EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
  for (Offset at{0}; at < (*log)->end_offset(); at = at.next()) {
    const auto read = co_await (*log)->read(at, (*log)->end_offset(), 1, true);
    EXPECT_TRUE(read && spans(*read) == (std::vector{std::pair(at.value(), at.value())})) << at.value();
  }
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: while a log is cut, appends are refused in a way that clients retry. Fails when one is taken: it is accounted for in
// a segment that is about to go.
TEST(Log, takes_no_append_while_it_is_cut) { on_node(12, appended_while_truncating); }

}  // namespace
}  // namespace weir::storage
