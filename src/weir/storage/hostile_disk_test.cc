// What a log does with files that nobody should have left, values that nobody should have sent, and errors at a bad moment.
#include <gtest/gtest.h>

#include "weir/storage/log_manager.h"
#include "weir/storage/meta_properties.h"
#include "weir/storage/sparse_index.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimWorld;

constexpr PartitionIndex kP0{0};

template <typename Body>
void on_one_node(uint64_t seed, Body body) {
  SimWorld world(seed);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, body(environment));
}

Task<void> overwrite(runtime::Environment& env, std::string path, uint64_t position, Bytes bytes) {
  const auto file = co_await env.disk.open(path, runtime::OpenMode::kCreate);
  EXPECT_TRUE(file) << path;
  if (!file) co_return;
  const ByteView part(bytes);
  EXPECT_TRUE(co_await (*file)->write_at(position, {&part, 1}));
}

std::string in_log(std::string_view name) { return fmt::format("{}/{}", kLogPath, name); }

Task<void> snapshot_beyond_the_end(runtime::Environment& env) {
  const LogOptions options{.segment_bytes = 1000};
  for (const bool empty : {true, false}) {
    LogKit kit(env);
    auto log = co_await kit.open(options);
    if (!empty) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->close());
    co_await overwrite(env, in_log("00000000000000000500.snapshot"), 0, Bytes(10));
    auto again = co_await kit.open(options, {.clean = true});
    EXPECT_TRUE(again);
    if (!again) co_return;
    EXPECT_EQ((co_await env.disk.stat(in_log("00000000000000000500.snapshot"))).error().code(), ErrorCode::kNotFound);
    for (int i = 0; i < 30; ++i) EXPECT_TRUE((*again)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*again)->close());
  }
}
// Property: a producer snapshot beyond the end speaks of records that are not there: it goes at every start.
// Fails when a clean start keeps it: the next roll asserts, and a log grown so far would believe it.
TEST(HostileDisk, a_snapshot_beyond_the_end_goes) { on_one_node(1, snapshot_beyond_the_end); }

Task<void> negative_time_index(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_TRUE(co_await (*log)->close());
  Bytes entry(TimeEntry::kBytes);
  TimeEntry{-5, 2}.encode(entry.data());
  co_await overwrite(env, in_log("00000000000000000000.timeindex"), 0, entry);
  auto again = co_await kit.open({}, {.clean = true});
  EXPECT_TRUE(again);
  if (!again) co_return;
  EXPECT_EQ((*again)->end_offset(), Offset(3));
  codec::Codecs codecs;
  const auto largest = co_await (*again)->max_timestamp(codecs, Deadline::never());
  EXPECT_TRUE(largest && *largest && (*largest)->timestamp > 0);
  EXPECT_TRUE(co_await (*again)->close());
}
// Property: a time index with an impossible last entry is rebuilt from the log. Fails when its value reaches an assertion.
TEST(HostileDisk, an_impossible_time_index_is_rebuilt) { on_one_node(2, negative_time_index); }

Task<void> overlapping_batches(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open();
  const SharedBytes first = make_batch({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0, .is_transactional = true});
  const auto first_bytes = first.size();
  EXPECT_TRUE((*log)->append(first, client()));
  EXPECT_TRUE((*log)->append(make_batch({.records = 3, .producer_id = ProducerId(2), .producer_epoch = ProducerEpoch(0), .base_sequence = 0,
                                         .is_transactional = true}), client()));
  EXPECT_TRUE(co_await (*log)->close());
  co_await overwrite(env, in_log("00000000000000000000.log"), first_bytes, Bytes(8));   // the base offset, not under the CRC
  auto again = co_await kit.open();
  EXPECT_TRUE(again);
  if (!again) co_return;
  EXPECT_EQ((*again)->end_offset(), Offset(1));
  EXPECT_TRUE(co_await (*again)->close());
}
// Property: recovery takes a batch that begins before the end of the one before it for damage, whatever its CRC says.
// Fails when two transactions may begin at one offset: producer state asserts.
TEST(HostileDisk, a_batch_that_overlaps_is_cut) { on_one_node(3, overlapping_batches); }

Task<void> extreme_timestamps(runtime::Environment& env) {
  constexpr TimestampMs kNow = 1'764'000'000'000;
  LogKit kit(env);
  auto log = co_await kit.open();
  EXPECT_TRUE((*log)->append(make_batch({.timestamp = kNow + 3'600'000}), client()));
  EXPECT_TRUE((*log)->append(make_batch({.timestamp = kNow - INT64_MAX}), client()));   // the oldest that validation takes
  EXPECT_TRUE((*log)->append(make_batch({.timestamp = INT64_MIN}), coordinator()));
  EXPECT_TRUE(co_await (*log)->close());
  EXPECT_EQ((co_await env.disk.stat(in_log("00000000000000000001.log"))).error().code(), ErrorCode::kNotFound);
}
// Property: no timestamp that a producer may send makes an age overflow. Fails under UBSan, or by a roll at every batch.
TEST(HostileDisk, extreme_timestamps_do_not_roll) { on_one_node(4, extreme_timestamps); }

Task<void> endless_delete_delay(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open({.segment_bytes = 300, .flush_ms = INT64_MAX / 1'000'000 - 1, .file_delete_delay_ms = INT64_MAX});
  for (int i = 0; i < 9; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_TRUE(co_await (*log)->written(Offset(9), Deadline::never()));
  EXPECT_TRUE(co_await (*log)->advance_start_offset(Offset(9), Offset(9)));
  EXPECT_TRUE(co_await runtime::sleep_until(env.executor, env.executor.now() + 1s));
  EXPECT_TRUE(co_await env.disk.stat(in_log("00000000000000000000.log.deleted")));
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: the largest delays of the configuration mean "never". Fails when they overflow to "at once".
TEST(HostileDisk, endless_delays_do_not_overflow) { on_one_node(5, endless_delete_delay); }

Task<void> close_it(Log* log, Result<void>* closed) { *closed = co_await log->close(); }
Task<void> append_and_fail(Log* log, LogDirectory* directory) {
  EXPECT_FALSE(log->append(make_batch({}), client()));                  // it is closing
  directory->take_offline(Error(ErrorCode::kDiskError, "gone"));        // before the turn ends and the writer begins
  co_return;
}

Task<void> failure_while_closing(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open();
  EXPECT_TRUE((*log)->append(make_batch({}), client()));
  Result<void> closed;
  runtime::TaskGroup group(env.executor);
  group.spawn(&close_it, log->get(), &closed);
  group.spawn(&append_and_fail, log->get(), &kit.directory);
  EXPECT_TRUE(co_await group.join());
  EXPECT_FALSE(closed);
}
// Property: a log whose directory fails between an append and its write can still be closed. Fails when the wait for the writer
// is never told: the node hangs in its stop.
TEST(HostileDisk, a_failure_before_the_write_does_not_hang_the_close) {
  for (uint64_t seed = 0; seed < 10; ++seed) on_one_node(seed, failure_while_closing);
}

Task<void> count_aborted(runtime::Environment* env, Log* log, size_t expected, bool* done, int* wrong) {
  while (!*done) {
    (void)co_await runtime::sleep_until(env->executor, env->executor.now() + 10us);
    const auto found = co_await log->aborted_transactions(Offset(0), log->end_offset());
    if (!found || found->size() != expected) ++*wrong;
  }
}

Task<void> aborted_while_written(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open({.segment_bytes = 2000});
  bool done = false;
  int wrong = 0;
  for (int round = 0; round < 20; ++round) {
    EXPECT_TRUE((*log)->append(make_batch({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = round,
                                           .is_transactional = true}), coordinator()));
    EXPECT_TRUE((*log)->append(make_marker(record::ControlType::kAbort, ProducerId(1), ProducerEpoch(0)), coordinator()));
    EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
    EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 1800}), client()));   // the segment before goes to its files
    done = false;
    runtime::TaskGroup group(env.executor);
    for (int i = 0; i < 3; ++i) group.spawn(&count_aborted, &env, log->get(), static_cast<size_t>(round + 1), &done, &wrong);
    EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
    done = true;
    EXPECT_TRUE(co_await group.join());
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(co_await (*log)->close());
}
// Property: an aborted transaction is known at every moment, also while its entry moves from memory to the file.
// Fails when a reader sees neither: it would take aborted records for committed ones.
TEST(HostileDisk, aborted_transactions_are_known_while_they_are_written) {
  for (uint64_t seed = 0; seed < 10; ++seed) on_one_node(seed, aborted_while_written);
}

Task<void> format_dir(runtime::Environment& env, std::string dir, Uuid id) {
  EXPECT_TRUE(co_await env.disk.create_directories(dir));
  EXPECT_TRUE(co_await write_meta_properties(env.disk, dir, {.cluster_id = "c1", .node_id = BrokerId(1), .directory_id = id}));
}

Task<int64_t> log_bytes(runtime::Environment& env, std::string dir) {
  int64_t bytes = 0;
  for (const auto& file : *co_await env.disk.list(dir)) bytes += file.name.ends_with(".log") ? static_cast<int64_t>(file.size) : 0;
  co_return bytes;
}

Task<void> unreadable_log(runtime::Environment& env) {
  const LogManagerOptions options{.dirs = {"/d1"}, .cluster_id = "c1", .node_id = BrokerId(1)};
  const LogOptions small{.segment_bytes = 1000};
  const Uuid id{5, 6};
  co_await format_dir(env, "/d1", Uuid{1, 2});
  {
    auto manager = co_await LogManager::open(env, options);
    EXPECT_TRUE(co_await (*manager)->load());
    auto log = co_await (*manager)->create_log("orders", kP0, id, small);
    for (int i = 0; i < 60; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->written(Offset(60), Deadline::never()));
    EXPECT_TRUE(co_await (*log)->advance_start_offset(Offset(2), Offset(60)));
    EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
  }
  // Damage below the recovery point, and nothing left that says who produced it.
  EXPECT_TRUE(co_await env.disk.remove("/d1/.kafka_cleanshutdown"));
  for (const auto& file : *co_await env.disk.list("/d1/orders-0")) {
    if (file.name.ends_with(".snapshot")) EXPECT_TRUE(co_await env.disk.remove("/d1/orders-0/" + file.name));
  }
  co_await overwrite(env, "/d1/orders-0/00000000000000000000.log", 16, Bytes(1, std::byte{9}));
  const int64_t bytes = co_await log_bytes(env, "/d1/orders-0");
  for (int start = 0; start < 2; ++start) {
    auto manager = co_await LogManager::open(env, options);
    EXPECT_TRUE(co_await (*manager)->load());
    EXPECT_TRUE((*manager)->logs().empty());
    EXPECT_EQ((co_await (*manager)->create_log("orders", kP0, id, small)).error().code(), ErrorCode::kKafkaStorageError);
    EXPECT_EQ(co_await log_bytes(env, "/d1/orders-0"), bytes);
    const auto starts = co_await runtime::read_file(env.disk, "/d1/log-start-offset-checkpoint", 1000);
    EXPECT_TRUE(starts && as_text(*starts).find("orders 0 2") != std::string_view::npos);
    EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(2)));
    EXPECT_EQ((co_await env.disk.stat("/d1/.kafka_cleanshutdown")).error().code(), ErrorCode::kNotFound) << "it was not opened";
  }
  // Another topic of that name does not get the old one's records; a deleted one takes its files along.
  auto manager = co_await LogManager::open(env, options);
  EXPECT_TRUE(co_await (*manager)->load());
  auto other = co_await (*manager)->create_log("orders", kP0, Uuid{7, 8}, small);
  EXPECT_TRUE(other && (*other)->end_offset() == Offset(0) && (*other)->start_offset() == Offset(0));
  int strays = 0;
  for (const auto& entry : *co_await env.disk.list("/d1")) strays += entry.name.ends_with("-stray") ? 1 : 0;
  EXPECT_EQ(strays, 1);
  EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(3)));
}
// Property: a log that cannot be read at the start is left as it is, with what the checkpoints say of it, however often it is
// asked for. Fails when create_log() opens it again from offset 0: recovery then cuts it at the first damage, all of it here.
TEST(HostileDisk, an_unreadable_log_is_not_recovered_by_creating_it) { on_one_node(7, unreadable_log); }

Task<void> offline_directory(runtime::Environment& env) {
  const LogManagerOptions options{.dirs = {"/d1", "/d2"}, .cluster_id = "c1", .node_id = BrokerId(1)};
  co_await format_dir(env, "/d1", Uuid{1, 2});
  co_await format_dir(env, "/d2", Uuid{1, 3});
  size_t home = 0;
  {
    auto manager = co_await LogManager::open(env, options);
    EXPECT_TRUE(co_await (*manager)->load());
    EXPECT_TRUE(co_await (*manager)->create_log("orders", kP0, Uuid{5, 6}, {}));
    home = (*manager)->directory_of("orders", kP0);
    EXPECT_TRUE(co_await (*manager)->close(BrokerEpoch(1)));
  }
  auto manager = co_await LogManager::open(env, options);
  (*manager)->services(home).directory.take_offline(Error(ErrorCode::kDiskError, "gone"));
  EXPECT_TRUE(co_await (*manager)->load());
  EXPECT_EQ((co_await (*manager)->create_log("orders", kP0, Uuid{5, 6}, {}, LogManager::Existence::kMayExist)).error().code(),
            ErrorCode::kKafkaStorageError);
  EXPECT_TRUE(co_await (*manager)->create_log("new", kP0, Uuid{5, 7}, {}));
  EXPECT_FALSE(co_await (*manager)->close(BrokerEpoch(2)));
}
// Property: while a directory is offline, a partition that was there before is not begun again in another one.
// Fails when it is: two logs of one partition, and after the repair one of them is lost.
TEST(HostileDisk, a_log_in_an_offline_directory_is_not_begun_again) { on_one_node(8, offline_directory); }

Task<void> start_beyond_the_end(runtime::Environment& env) {
  LogKit kit(env);
  auto log = co_await kit.open();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_TRUE(co_await (*log)->close());
  EXPECT_TRUE(co_await env.disk.remove(in_log("00000000000000000002.snapshot")));
  auto again = co_await kit.open({.segment_bytes = 100}, {.clean = true, .log_start = Offset(1000)});
  EXPECT_TRUE(again && (*again)->end_offset() == Offset(2));
  if (!again) co_return;
  EXPECT_TRUE((*again)->append(make_batch({}), client()));   // with a roll
  EXPECT_TRUE(co_await (*again)->close());
}
// Property: a log start in the checkpoint that lies beyond the end of a log does not reach its producer state.
// Fails when it does: the next roll asserts that producers are known up to the end.
TEST(HostileDisk, a_start_beyond_the_end_is_not_believed_by_producers) { on_one_node(9, start_beyond_the_end); }

Task<void> abandon_in_a_flush(runtime::Environment& env, runtime::SimNode& node) {
  LogKit kit(env);
  node.disk().options().sync_min = node.disk().options().sync_mean = 50ms;
  auto log = co_await kit.open({.flush_on_ack = true});
  EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_TRUE(co_await (*log)->written(Offset(1), Deadline::never()));
  EXPECT_TRUE(co_await runtime::sleep_until(env.executor, env.executor.now() + 10ms));   // in its sync
  EXPECT_TRUE((*log)->append(make_batch({}), client()));
  EXPECT_TRUE(co_await (*log)->written(Offset(2), Deadline::never()));                    // asks for another
  kit.directory.take_offline(Error(ErrorCode::kDiskError, "gone"));
  co_await (*log)->abandon();
  EXPECT_FALSE(kit.directory.flushes().is_running());
  log->reset();
  EXPECT_TRUE(co_await runtime::sleep_until(env.executor, env.executor.now() + 1s));
}
// Property: when close() or abandon() has returned, no flush is at the log any more. Fails when one still waits in line for
// the files: it goes on in a log that its owner has destroyed.
TEST(HostileDisk, no_flush_outlives_the_end_of_a_log) {
  SimWorld world(10);
  runtime::SimNode& node = world.add_node("broker");
  runtime::Environment environment = node.environment();
  world.run(node, abandon_in_a_flush(environment, node));
}

}  // namespace
}  // namespace weir::storage
