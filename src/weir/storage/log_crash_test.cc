// Crashes of a node under its logs, with a disk that loses what was not synced.
#include <gtest/gtest.h>

#include <map>

#include "weir/runtime/event.h"
#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimWorld;

constexpr int kProducers = 2;

// What the outside world knows; lives through crashes.
struct Outside {
  std::map<int64_t, Bytes> sent;             // by base offset, as the log said it
  int64_t acknowledged_end = 0;              // everything below was said to be durable
  int32_t next_sequence[kProducers] = {};
  std::string wrong;                         // the first violation
  int acknowledgements = 0;
  int duplicates = 0;
  bool planted_bug = false;
  bool stopping = false;                     // producers end after their batch
};

LogOptions crash_options(const Outside& outside) {
  return {.segment_bytes = 4000, .index_interval_bytes = 300, .flush_on_ack = true, .planted_ack_before_sync = outside.planted_bug};
}

// One producer with one batch in flight, which it sends again after a restart until it is acknowledged.
Task<void> produce(runtime::Environment* env, Log* log, Outside* outside, int producer, uint64_t seed) {
  Prng pauses(seed);
  while (!outside->stopping) {
    // The same batch for the same sequence, whenever it is sent.
    Prng prng(static_cast<uint64_t>(producer) << 32 | static_cast<uint32_t>(outside->next_sequence[producer]));
    SharedBytes batch = make_batch({.records = static_cast<int>(prng.between(1, 4)), .value_bytes = prng.below(600),
                                    .timestamp = 1'764'000'000'000 + outside->next_sequence[producer], .producer_id = ProducerId(producer),
                                    .producer_epoch = ProducerEpoch(0), .base_sequence = outside->next_sequence[producer],
                                    .fill = static_cast<uint8_t>(prng.next())});
    const int32_t records = record::BatchHeader::unchecked(batch).record_count();
    const Result<AppendResult> appended = log->append(batch, client(1, env->clock.wall_ms()));
    if (!appended) {
      outside->wrong = appended.error().describe();
      co_return;
    }
    if (appended->duplicate) ++outside->duplicates;
    else outside->sent[appended->base_offset.value()] = Bytes(batch.view().begin(), batch.view().end());
    const Result<void> durable = co_await log->durable(appended->last_offset.next(), Deadline::never());
    if (!durable) {
      outside->wrong = durable.error().describe();
      co_return;
    }
    outside->acknowledged_end = std::max(outside->acknowledged_end, appended->last_offset.value() + 1);
    ++outside->acknowledgements;
    outside->next_sequence[producer] += records;
    const Result<void> slept = co_await runtime::sleep_until(env->executor, env->executor.now() + Duration(pauses.below(3'000'000)));
    EXPECT_TRUE(slept);
  }
}

// After a start: everything acknowledged is there, nothing is there that was not sent, offsets have no gap.
Task<void> check_log(Log& log, Outside& outside) {
  const auto complain = [&](std::string what) {
    if (outside.wrong.empty()) outside.wrong = std::move(what);
  };
  if (log.end_offset().value() < outside.acknowledged_end) {
    complain(fmt::format("the log ends at {}, acknowledged is {}", log.end_offset(), outside.acknowledged_end));
    co_return;
  }
  int64_t expected = 0;
  for (Offset at{0}; at < log.end_offset();) {
    const Result<ReadResult> read = co_await log.read(at, log.end_offset(), 2000, true);
    if (!read || read->bytes == 0) {
      complain(fmt::format("read at {}: {}", at, read ? "nothing" : read.error().describe()));
      co_return;
    }
    const Bytes bytes = joined(*read);
    record::Batches batches(bytes);
    for (;;) {
      const auto batch = batches.next();
      if (!batch || !*batch) break;
      const record::BatchView& view = *(*batch)->v2();
      const auto sent = outside.sent.find(view.base_offset().value());
      if (view.base_offset().value() != expected || sent == outside.sent.end() || !equal(sent->second, view.bytes())) {
        complain(fmt::format("offset {} expected, batch {} is not what was sent", expected, view.base_offset()));
        co_return;
      }
      expected = view.next_offset().value();
    }
    at = read->next_offset;
  }
  outside.sent.erase(outside.sent.lower_bound(log.end_offset().value()), outside.sent.end());
}

Task<void> run_broker(runtime::Environment* env, Outside* outside, uint64_t seed, Duration stop_after) {
  LogManagerOptions options{.dirs = {"/d"}, .cluster_id = "c", .node_id = BrokerId(1), .defaults = crash_options(*outside),
                            .recovery_point_checkpoint_ms = 20, .high_watermark_checkpoint_ms = 35};
  const auto formatted = co_await read_meta_properties(env->disk, "/d");
  if (!formatted || !*formatted) {
    const auto made = co_await env->disk.create_directories("/d");
    const auto written = co_await write_meta_properties(env->disk, "/d", {1, "c", BrokerId(1), Uuid{3, 4}});
    if (!made || !written) co_return;
  }
  auto manager = co_await LogManager::open(*env, options);
  if (!manager) {
    outside->wrong = manager.error().describe();
    co_return;
  }
  const auto loaded = co_await (*manager)->load();
  auto log = co_await (*manager)->create_log("orders", PartitionIndex(0), Uuid{5, 6}, options.defaults);
  if (!loaded) outside->wrong = loaded.error().describe();
  else if (!log) outside->wrong = log.error().describe();
  else co_await check_log(**log, *outside);
  if (outside->wrong.empty()) {
    outside->stopping = false;
    runtime::TaskGroup producers(env->executor);
    for (int i = 0; i < kProducers; ++i) producers.spawn(&produce, env, *log, outside, i, seed * 31 + static_cast<uint64_t>(i));
    const auto slept = co_await runtime::sleep_until(env->executor, env->executor.now() + stop_after);
    EXPECT_TRUE(slept);
    outside->stopping = true;
    const auto joined = co_await producers.join();
    EXPECT_TRUE(joined);
  }
  const auto closed = co_await (*manager)->close(BrokerEpoch(1));
  if (!closed && outside->wrong.empty()) outside->wrong = closed.error().describe();
}

// Several lives of one node; each ends in a crash, or in a clean stop. Returns the first violation.
std::string lives(uint64_t seed, Outside& outside) {
  SimWorld world(seed);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  Prng prng = world.stream("test", "lives");
  node.disk().options().writeback_percent = static_cast<unsigned>(prng.below(60));
  for (int life = 0; life < 6; ++life) {
    const bool clean = prng.chance(30);
    const Duration length(prng.between(1'000'000, 400'000'000));
    node.spawn(&run_broker, &environment, &outside, seed + static_cast<uint64_t>(life) * 1000, clean ? length : Duration(3600s));
    if (clean) {
      if (!world.run_until_true([&] { return node.tasks() == 0; }, 600s)) return "the clean stop did not end";
      world.crash(node, runtime::LoseUnsynced::kBySeed);
    } else {
      world.run_for(length);
      world.crash(node, runtime::LoseUnsynced::kBySeed);
    }
    if (!outside.wrong.empty()) return outside.wrong;
    world.restart(node);
  }
  node.spawn(&run_broker, &environment, &outside, seed, Duration(1'000'000));
  if (!world.run_until_true([&] { return node.tasks() == 0; }, 600s)) return "the last stop did not end";
  return outside.wrong;
}

// Property: in flush mode nothing acknowledged is lost, offsets have no gap, nothing is there twice, whatever the disk loses and
// whenever the node dies. Fails when an acknowledgement is sent before the sync returns, when a roll does not sync what lies
// before, when a new file's name is not synced, when a recovery point is ahead of the disk.
TEST(LogCrash, acknowledged_batches_survive) {
  int acknowledgements = 0;
  int duplicates = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Outside outside;
    const std::string wrong = lives(seed, outside);
    ASSERT_EQ(wrong, "") << "seed " << seed;
    acknowledgements += outside.acknowledgements;
    duplicates += outside.duplicates;
  }
  EXPECT_GT(acknowledgements, 1500);
  EXPECT_GT(duplicates, 0);   // some batch was written, not acknowledged, and sent again
}

// Property: the test above finds the bug it is for.
TEST(LogCrash, an_acknowledgement_before_the_sync_is_found) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Outside outside;
    outside.planted_bug = true;
    if (!lives(seed, outside).empty()) return;
  }
  FAIL() << "1000 seeds did not find the planted bug";
}

struct Written {
  Bytes log;
  Bytes index;
  Bytes time_index;
  size_t last_batch_at = 0;
  Offset end;
};

// A log of 12 batches in one segment.
Task<Written> write_one(runtime::Environment& env) {
  Written written;
  LogKit kit(env);
  auto log = co_await kit.open({.index_interval_bytes = 100});
  for (int i = 0; i < 12; ++i) {
    const SharedBytes batch = make_batch({.records = 2, .value_bytes = static_cast<size_t>(20 + i), .timestamp = 1000 + i});
    EXPECT_TRUE((*log)->append(batch, client(1)));
    if (i < 11) written.last_batch_at += batch.size();
  }
  written.end = (*log)->end_offset();
  EXPECT_TRUE(co_await (*log)->close());
  const std::string stem = fmt::format("{}/{:020}", kLogPath, 0);
  written.log = *co_await runtime::read_file(env.disk, stem + ".log", 1 << 20);
  written.index = *co_await runtime::read_file(env.disk, stem + ".index", 1 << 20);
  written.time_index = *co_await runtime::read_file(env.disk, stem + ".timeindex", 1 << 20);
  co_return written;
}

Task<void> replace_log(runtime::Environment& env, Bytes content) {
  EXPECT_TRUE(co_await runtime::write_file_atomically(env.disk, fmt::format("{}/{:020}.log", kLogPath, 0), std::move(content)));
}

Task<void> damaged_tail(runtime::Environment& env) {
  const Written good = co_await write_one(env);
  const Offset before_last = good.end + -2;
  const auto reopened_end = [&](Bytes content) -> Task<Offset> {
    co_await replace_log(env, std::move(content));
    LogKit kit(env);
    auto log = co_await kit.open({.index_interval_bytes = 100}, {.clean = false, .recovery_point = Offset(0)});
    EXPECT_TRUE(log) << log.error().describe();
    if (!log) co_return kNoOffset;
    const Offset end = (*log)->end_offset();
    EXPECT_TRUE((*log)->append(make_batch({.timestamp = 2000}), client(1)));
    EXPECT_TRUE(co_await (*log)->close());
    co_return end;
  };
  EXPECT_EQ(co_await reopened_end(good.log), good.end);
  for (size_t cut = good.last_batch_at; cut < good.log.size(); ++cut) {
    EXPECT_EQ(co_await reopened_end(Bytes(good.log.begin(), good.log.begin() + static_cast<ptrdiff_t>(cut))), before_last) << cut;
  }
  for (size_t at = good.last_batch_at + 8; at < good.log.size(); ++at) {
    if (at >= good.last_batch_at + 12 && at < good.last_batch_at + 16) continue;   // the leader epoch: outside the CRC
    Bytes bad = good.log;
    bad[at] ^= std::byte{0x10};
    EXPECT_EQ(co_await reopened_end(std::move(bad)), before_last) << at;
  }
  Bytes zeros = good.log;
  zeros.resize(zeros.size() + 5000);
  EXPECT_EQ(co_await reopened_end(zeros), good.end);
}
// Property: a last batch that is cut at any byte, or damaged at any byte that its CRC or its length covers, is dropped, and
// nothing else is; a tail of zeros is dropped too. The log then takes appends at the right offset.
TEST(LogCrash, a_damaged_tail_is_cut) {
  SimWorld world(1);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, damaged_tail(environment));
}

Task<void> lost_indexes(runtime::Environment& env) {
  const Written good = co_await write_one(env);
  EXPECT_GT(good.index.size(), 40u);
  const std::string stem = fmt::format("{}/{:020}", kLogPath, 0);
  for (int damage = 0; damage < 4; ++damage) {
    for (const bool clean : {true, false}) {
      if (damage == 0) EXPECT_TRUE(co_await env.disk.remove(stem + ".index"));
      if (damage == 1) EXPECT_TRUE(co_await env.disk.remove(stem + ".timeindex"));
      if (damage == 2) {   // a Kafka that crashed leaves zeros behind the entries
        Bytes padded = good.index;
        padded.resize(10 << 20);
        EXPECT_TRUE(co_await runtime::write_file_atomically(env.disk, stem + ".index", padded));
      }
      if (damage == 3 && !clean) EXPECT_TRUE(co_await runtime::write_file_atomically(env.disk, stem + ".index", to_bytes("nonsense")));
      LogKit kit(env);
      auto log = co_await kit.open({.index_interval_bytes = 100}, {.clean = clean, .recovery_point = good.end});
      EXPECT_TRUE(log && (*log)->end_offset() == good.end);
      if (!log) co_return;
      EXPECT_TRUE(co_await (*log)->close());
      EXPECT_TRUE(equal(*co_await runtime::read_file(env.disk, stem + ".index", 20 << 20), good.index)) << damage << clean;
      EXPECT_TRUE(equal(*co_await runtime::read_file(env.disk, stem + ".timeindex", 20 << 20), good.time_index)) << damage << clean;
    }
  }
}
// Property: indexes that are missing, cut or wrong are rebuilt to the same bytes.
TEST(LogCrash, indexes_are_rebuilt) {
  SimWorld world(2);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, lost_indexes(environment));
}

constexpr LogOptions kShortLived{.retention_ms = 1000};

// A log of one segment whose records are all older than retention allows; then the power goes.
Task<void> expire_everything(runtime::Environment* env, bool* expired) {
  LogKit kit(*env);
  auto log = co_await kit.open(kShortLived);
  for (int i = 0; i < 40; ++i) EXPECT_TRUE((*log)->append(make_batch({.timestamp = 1000 * i}), client()));
  EXPECT_TRUE(co_await (*log)->flush());
  EXPECT_GT(*co_await (*log)->apply_retention(Offset(40), env->clock.wall_ms()), 0);
  EXPECT_EQ((*log)->start_offset(), Offset(40));
  *expired = true;
  runtime::Event never;
  (void)co_await never.wait(env->executor);
}

Task<void> find_it_empty(runtime::Environment* env) {
  LogKit kit(*env);
  auto log = co_await kit.open(kShortLived, {.clean = false, .recovery_point = Offset(0)});
  EXPECT_TRUE(log) << log.error().describe();
  if (!log) co_return;
  EXPECT_EQ((*log)->end_offset(), Offset(40));
  const auto appended = (*log)->append(make_batch({}), client());
  EXPECT_TRUE(appended && appended->base_offset == Offset(40));
  EXPECT_TRUE(co_await (*log)->close());
}

// Property: a log that retention has emptied goes on at the same offset after a power cut: the name of its newest segment says
// where. Fails when the old segments go before the new one's name is durable: offsets begin at 0 again, below what groups committed.
TEST(LogCrash, an_expired_log_keeps_its_offsets) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    SimWorld world(seed);
    runtime::SimNode& node = world.add_node("broker");
    runtime::Environment environment = node.environment();
    bool expired = false;
    node.spawn(&expire_everything, &environment, &expired);
    ASSERT_TRUE(world.run_until_true([&] { return expired; }, 60s));
    world.run_for(Duration(static_cast<int64_t>(seed) * 10'000));
    world.power_cycle(node, runtime::LoseUnsynced::kBySeed);
    world.run(node, find_it_empty(&environment));
  }
}

}  // namespace
}  // namespace weir::storage
