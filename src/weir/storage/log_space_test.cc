// A disk that fills up under a log, and has space again. Real disks: tests/crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/storage/testing/faulty_disk.h"
#include "weir/storage/testing/log_kit.h"

namespace weir::storage {
namespace {

using namespace testing;
using runtime::SimDiskOptions;
using runtime::SimNode;
using runtime::SimWorld;

constexpr uint64_t kPlenty = 1ull << 40;

struct SpaceCase {
  SimWorld world;
  SimNode& node;
  runtime::Environment env;

  explicit SpaceCase(uint64_t seed) : world(seed), node(world.add_node("broker")), env(node.environment()) {}
  SimDiskOptions& disk() { return node.disk().options(); }
  void fill(uint64_t leave = 0) { disk().capacity_bytes = node.disk().used_bytes() + leave; }
  void empty() { disk().capacity_bytes = kPlenty; }
};

Task<void> pause_for(runtime::Environment& env, Duration time) {
  auto slept = co_await runtime::sleep_until(env.executor, env.executor.now() + time);
  EXPECT_TRUE(slept);
}

SharedBytes numbered(int32_t sequence, size_t value_bytes) {
  return make_batch({.value_bytes = value_bytes, .producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence});
}

Task<void> fills_and_empties(SpaceCase& space, bool flush, uint64_t leave) {
  runtime::Environment& env = space.env;
  {
    LogKit kit(env);
    auto log = co_await kit.open({.segment_bytes = 40'000, .flush_on_ack = flush});
    EXPECT_TRUE(log);
    int32_t sequence = 0;
    for (; sequence < 6; ++sequence) EXPECT_TRUE((*log)->append(numbered(sequence, 3'000), client()));
    EXPECT_TRUE(co_await (*log)->written((*log)->end_offset(), Deadline::never()));
    space.fill(leave);
    // These wait in the log: some would need a roll, which needs files of its own.
    const Offset before = (*log)->written_end();
    for (int i = 0; i < 12; ++i, ++sequence) {
      auto appended = (*log)->append(numbered(sequence, 9'000), client());
      EXPECT_TRUE(appended);
    }
    const Offset waiting = (*log)->end_offset();
    co_await pause_for(env, 5s);
    EXPECT_FALSE((*log)->failure());
    EXPECT_FALSE(kit.directory.is_offline());
    EXPECT_EQ(kit.directory.stalled(), 1);
    EXPECT_LT((*log)->written_end(), waiting);
    auto late = co_await (*log)->written(waiting, Deadline::at(env.executor.now() + 1s));
    EXPECT_EQ(late.error().code(), ErrorCode::kDeadlineExceeded);
    // Refused in a way that clients retry, the same batch again as well; without a trace.
    EXPECT_EQ((*log)->append(numbered(sequence, 10), client()).error().code(), ErrorCode::kKafkaStorageError);
    EXPECT_EQ((*log)->append(numbered(sequence - 1, 9'000), client()).error().code(), ErrorCode::kKafkaStorageError);
    EXPECT_EQ((*log)->append(make_batch({}), coordinator()).error().code(), ErrorCode::kKafkaStorageError);
    EXPECT_EQ((*log)->end_offset(), waiting);
    // Reads go on, and so does what frees space.
    auto read = co_await (*log)->read(Offset(0), before, 1 << 20, true);
    EXPECT_TRUE(read && read->next_offset == before);
    EXPECT_TRUE(co_await (*log)->advance_start_offset(Offset(2), before));
    EXPECT_TRUE(co_await (*log)->apply_retention(before, env.clock.wall_ms()));
    auto cut = co_await (*log)->truncate_to(Offset(1));
    EXPECT_EQ(cut.error().code(), ErrorCode::kKafkaStorageError);

    space.empty();
    EXPECT_TRUE(co_await (*log)->written(waiting, Deadline::at(env.executor.now() + 5s)));
    EXPECT_EQ(kit.directory.stalled(), 0);
    auto duplicate = (*log)->append(numbered(sequence - 1, 9'000), client());
    EXPECT_TRUE(duplicate && duplicate->duplicate && duplicate->last_offset == waiting.prev());
    EXPECT_TRUE((*log)->append(numbered(sequence, 10), client()));
    auto all = co_await (*log)->read(Offset(2), (*log)->end_offset(), 1 << 20, true);
    EXPECT_TRUE(all);
    EXPECT_TRUE(co_await (*log)->close());
  }
  // What is in the files is what the log said.
  LogKit kit(env);
  auto again = co_await kit.open({.segment_bytes = 40'000}, {.clean = false, .recovery_point = Offset(0), .log_start = Offset(2)});
  EXPECT_TRUE(again) << again.error().describe();
  EXPECT_EQ((*again)->end_offset(), Offset(19));
  int64_t next = 2;
  while (next < 19) {
    auto read = co_await (*again)->read(Offset(next), Offset(19), 1 << 20, true);
    EXPECT_TRUE(read && read->bytes > 0);
    if (!read || read->bytes == 0) break;
    for (const auto& [base, last] : spans(*read)) {
      EXPECT_EQ(base, next);
      next = last + 1;
    }
  }
  EXPECT_EQ(next, 19);
  EXPECT_TRUE(co_await (*again)->close());
}
// Property: a write without space leaves file and memory in agreement, refuses what comes with an error that clients retry, goes
// on when there is space, and no offset is given twice. At each place where space may end: in a batch, at a roll, in an index.
// Fails when the directory goes offline, when half a batch stays in the file, or when a waiting batch is forgotten or doubled.
TEST(LogSpace, waits_for_space_and_goes_on) {
  for (const bool flush : {false, true}) {
    for (uint64_t leave = 0; leave < 130'000; leave += 8'192) {
      SCOPED_TRACE(::testing::Message() << "flush " << flush << ", left " << leave);
      SpaceCase space(leave + 1);
      space.world.run(space.node, fills_and_empties(space, flush, std::min<uint64_t>(leave, 98'304)));
      if (::testing::Test::HasFailure()) return;
    }
  }
}

Task<void> stop_while_full(SpaceCase& space, bool abandons) {
  LogKit kit(space.env);
  auto log = co_await kit.open({.flush_on_ack = true});
  EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 3'000}), client()));
  EXPECT_TRUE(co_await (*log)->durable(Offset(1), Deadline::never()));
  space.fill();
  EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 30'000}), client()));
  co_await pause_for(space.env, 3s);
  EXPECT_EQ(kit.directory.stalled(), 1);
  const MonoTime began = space.env.executor.now();
  if (abandons) {
    co_await (*log)->abandon();
  } else {
    auto closed = co_await (*log)->close();
    EXPECT_FALSE(closed);   // so that no clean marker is written
  }
  EXPECT_LT(space.env.executor.now() - began, 2s);
  EXPECT_FALSE(kit.directory.is_offline());
  EXPECT_EQ(kit.directory.stalled(), 0);
  log->reset();
  space.empty();
  auto again = co_await kit.open({}, {.clean = false, .recovery_point = Offset(0)});
  EXPECT_TRUE(again);
  EXPECT_EQ((*again)->end_offset(), Offset(1));
  EXPECT_TRUE(co_await (*again)->close());
}
// Property: a log that waits for space can be closed, and deleted, at once. Fails when DeleteTopics or a stop hangs on a full disk.
TEST(LogSpace, stops_while_it_waits) {
  for (const bool abandons : {false, true}) {
    SpaceCase space(3);
    space.world.run(space.node, stop_while_full(space, abandons));
  }
}

Task<void> sync_without_space(SpaceCase& space) {
  LogKit kit(space.env);
  auto log = co_await kit.open({.flush_on_ack = true});
  space.disk().no_space_at_sync = true;
  space.fill();
  EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 30'000}), client()));
  auto durable = co_await (*log)->durable(Offset(1), Deadline::at(space.env.executor.now() + 5s));
  EXPECT_EQ(durable.error().code(), ErrorCode::kKafkaStorageError);
  EXPECT_TRUE(kit.directory.is_offline());
  space.empty();
  co_await pause_for(space.env, 3s);
  EXPECT_EQ((*log)->append(make_batch({}), client()).error().code(), ErrorCode::kKafkaStorageError);
  EXPECT_EQ((*log)->durable_end(), Offset(0));
  co_await (*log)->abandon();
}
// Property: a sync that fails for lack of space (a thin disk) takes the directory offline for good: the kernel forgets which pages
// it could not write. Fails when it is tried again and believed.
TEST(LogSpace, a_sync_is_never_tried_again) {
  SpaceCase space(4);
  space.world.run(space.node, sync_without_space(space));
}

// Property: clients' records stop exactly at the reserve, between two measurements as well. Fails when a burst eats the reserve.
TEST(LogSpace, the_reserve_is_kept_between_measurements) {
  SpaceCase space(5);
  const auto body = [](SpaceCase& full) -> Task<void> {
    LogKit kit(full.env);
    auto log = co_await kit.open();
    const SharedBytes batch = make_batch({.value_bytes = 1'000});
    kit.directory.set_room(static_cast<int64_t>(10 * batch.size() + 5));
    int taken = 0;
    while ((*log)->append(make_batch({.value_bytes = 1'000}), client())) ++taken;
    EXPECT_EQ(taken, 10);
    EXPECT_TRUE(kit.directory.refused());
    EXPECT_TRUE((*log)->append(make_batch({}), coordinator()));
    kit.directory.set_room(1 << 20);
    EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->close());
  };
  space.world.run(space.node, body(space));
}

// Property: a batch that is refused, or was sent before, takes no room; and a duplicate is answered as one however full the disk is.
// Fails when room is taken before the producer was checked: its retries then use up the reserve.
TEST(LogSpace, what_is_not_appended_takes_no_room) {
  SpaceCase space(6);
  const auto body = [](SpaceCase& full) -> Task<void> {
    LogKit kit(full.env);
    auto log = co_await kit.open();
    EXPECT_TRUE((*log)->append(numbered(0, 1'000), client()));
    kit.directory.set_room(2'000);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ((*log)->append(numbered(7, 1'000), client()).error().code(), ErrorCode::kOutOfOrderSequenceNumber);
    }
    EXPECT_TRUE((*log)->append(numbered(1, 1'000), client()));
    EXPECT_EQ((*log)->append(numbered(2, 1'000), client()).error().code(), ErrorCode::kKafkaStorageError);
    const auto repeated = (*log)->append(numbered(1, 1'000), client());
    EXPECT_TRUE(repeated && repeated->duplicate);
    EXPECT_TRUE(co_await (*log)->close());
  };
  space.world.run(space.node, body(space));
}

// Property: a search for the largest timestamp ends though the record that has it waits for space. Fails when it waits as long.
TEST(LogSpace, a_search_by_time_does_not_wait_for_space) {
  SpaceCase space(7);
  const auto body = [](SpaceCase& full) -> Task<void> {
    LogKit kit(full.env);
    auto log = co_await kit.open();
    EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 3'000}), client()));
    EXPECT_TRUE(co_await (*log)->written(Offset(1), Deadline::never()));
    full.fill();
    EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 30'000, .timestamp = 1'765'000'000'000}), client()));
    co_await pause_for(full.env, 3s);
    codec::Codecs codecs;
    const MonoTime began = full.env.executor.now();
    const auto largest = co_await (*log)->max_timestamp(codecs, Deadline::at(began + 1s));
    EXPECT_EQ(largest.error().code(), ErrorCode::kDeadlineExceeded);
    EXPECT_LT(full.env.executor.now() - began, 2s);
    full.empty();
    EXPECT_TRUE(co_await (*log)->written(Offset(2), Deadline::never()));
    EXPECT_TRUE(co_await (*log)->close());
  };
  space.world.run(space.node, body(space));
}

// Property: a log whose file cannot even be cut for lack of space asks again once a second, and goes on when there is some.
// Fails when it asks without a pause: the shard then does nothing else.
TEST(LogSpace, a_cut_without_space_is_tried_with_pauses) {
  SpaceCase space(8);
  const auto body = [](SpaceCase& full) -> Task<void> {
    FaultyDisk disk(full.env.disk);
    runtime::Environment env = with_disk(full.env, disk);
    disk.fault = DiskFault{DiskOperation::kTruncate, ".log", ErrorCode::kNoSpace, 100};
    LogKit kit(env);
    auto log = co_await kit.open();
    EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 3'000}), client()));
    EXPECT_TRUE(co_await (*log)->written(Offset(1), Deadline::never()));
    full.fill();
    EXPECT_TRUE((*log)->append(make_batch({.value_bytes = 30'000}), client()));
    co_await pause_for(env, 3s);
    EXPECT_GE(disk.times, 2);
    EXPECT_LE(disk.times, 5);
    disk.fault.reset();
    full.empty();
    EXPECT_TRUE(co_await (*log)->written(Offset(2), Deadline::at(env.executor.now() + 5s)));
    EXPECT_TRUE(co_await (*log)->close());
  };
  space.world.run(space.node, body(space));
}

// Property: segments that cannot be removed for want of a descriptor stay until the next move of the start; the directory serves
// on. Fails when that takes it offline: then one moment without descriptors costs every partition in it.
TEST(LogSpace, no_descriptor_for_a_removal_is_no_failure) {
  SpaceCase space(9);
  const auto body = [](SpaceCase& scarce) -> Task<void> {
    FaultyDisk disk(scarce.env.disk);
    runtime::Environment env = with_disk(scarce.env, disk);
    LogKit kit(env);
    auto log = co_await kit.open({.segment_bytes = 1000, .file_delete_delay_ms = 0});
    for (int i = 0; i < 40; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->flush());
    disk.fault = DiskFault{DiskOperation::kSyncDirectory, "", ErrorCode::kUnavailable};
    EXPECT_TRUE(co_await (*log)->advance_start_offset(Offset(20), Offset(40)));
    co_await pause_for(env, 1s);
    EXPECT_FALSE(kit.directory.is_offline());
    EXPECT_TRUE((*log)->append(make_batch({}), client()));
    disk.fault.reset();
    EXPECT_TRUE(co_await (*log)->advance_start_offset(Offset(21), Offset(40)));
    co_await pause_for(env, 1s);
    EXPECT_GT((*log)->oldest_segment(), Offset(0));
    const auto files = co_await scarce.env.disk.list(std::string(kLogPath));
    for (const auto& file : *files) EXPECT_FALSE(file.name.starts_with("00000000000000000000.log")) << file.name;
    EXPECT_TRUE(co_await (*log)->close());
  };
  space.world.run(space.node, body(space));
}

// Property: of the old segments of a directory one file is deleted at a time, and syncs go on meanwhile. Fails when all are deleted at
// once: they take every thread of the pool, and an acknowledgement waits until a hundred files are gone.
TEST(LogSpace, old_segments_are_deleted_one_at_a_time) {
  SpaceCase space(10);
  const auto body = [](SpaceCase& roomy) -> Task<void> {
    FaultyDisk disk(roomy.env.disk);
    runtime::Environment env = with_disk(roomy.env, disk);
    LogKit kit(env);
    auto log = co_await kit.open({.segment_bytes = 1000, .flush_on_ack = true, .file_delete_delay_ms = 0});
    for (int i = 0; i < 200; ++i) EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->flush());
    disk.executor = &env.executor;
    disk.removal_time = 10ms;
    EXPECT_TRUE(co_await (*log)->advance_start_offset(Offset(180), Offset(200)));
    co_await pause_for(env, 100ms);
    EXPECT_EQ(disk.removing, 1);
    EXPECT_TRUE((*log)->append(make_batch({}), client()));
    EXPECT_TRUE(co_await (*log)->durable(Offset(201), Deadline::at(env.executor.now() + 1s)));
    EXPECT_EQ(disk.removing, 1);   // still at it
    co_await pause_for(env, 10s);
    EXPECT_EQ(disk.removing_max, 1);
    EXPECT_GT(disk.removals, 50);
    const auto files = co_await roomy.env.disk.list(std::string(kLogPath));
    for (const auto& file : *files) EXPECT_FALSE(file.name.ends_with(".deleted")) << file.name;
    EXPECT_TRUE(co_await (*log)->close());
  };
  space.world.run(space.node, body(space));
}

}  // namespace
}  // namespace weir::storage
