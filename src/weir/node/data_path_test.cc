// Produce and Fetch over the wire against the whole broker on the simulator: what a client is told, when, and in which order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/node/data_path_fixture_test.h"
#include "weir/protocol/incremental_alter_configs.h"
#include "weir/protocol/metadata.h"

namespace weir::node {
namespace {

// Property: a fetch waits until min_bytes are there, and then no longer; without them it is answered, empty, when max_wait_ms is
// over. Fails when a long poll wakes for too little, sleeps on, or never ends.
TEST_F(DataPath, long_poll_ends_by_bytes_or_time) {
  begin(1);
  (void)broker().create_topic("t");
  Wire reader = broker().connect();
  Wire writer = broker().connect();

  MonoTime asked = broker().world.now();
  FetchedPartition got = fetched(reader.call(SimBroker::fetch("t", Offset(0), 3000), kByName));
  EXPECT_EQ(got.error_code, ErrorCode::kNone);
  EXPECT_TRUE(got.records.empty());
  EXPECT_GE(since(asked), 3s);
  EXPECT_LE(since(asked), 3200ms);

  asked = broker().world.now();
  reader.ask(SimBroker::fetch("t", Offset(0), 30'000, 300), kByName);
  broker().world.run_for(1s);
  EXPECT_EQ(produce(writer, "t", {std::string(50, 'a')}).error_code, ErrorCode::kNone);
  broker().world.run_for(1s);
  EXPECT_EQ(produce(writer, "t", {std::string(250, 'b')}).error_code, ErrorCode::kNone);
  const MonoTime enough = broker().world.now();
  got = fetched(reader.answer<FetchRequest>(kByName));
  EXPECT_THAT(values(got), testing::ElementsAre(std::string(50, 'a'), std::string(250, 'b')));
  EXPECT_GE(since(asked), 2s);
  EXPECT_LE(since(enough), 50ms);
}

// Property: min_bytes counts all partitions of the request together. Fails when each is held against it alone.
TEST_F(DataPath, min_bytes_is_of_all_partitions) {
  begin(2);
  (void)broker().create_topic("a");
  (void)broker().create_topic("b");
  Wire reader = broker().connect();
  Wire writer = broker().connect();
  FetchRequest request = SimBroker::fetch("a", Offset(0), 30'000, 300);
  request.topics.push_back(SimBroker::fetch("b", Offset(0)).topics[0]);
  reader.ask(request, kByName);
  (void)produce(writer, "a", {std::string(100, 'a')});
  (void)produce(writer, "b", {std::string(100, 'b')});
  const MonoTime enough = broker().world.now();
  const Result<FetchResponse> answer = reader.answer<FetchRequest>(kByName);
  EXPECT_EQ(values(fetched(answer, 0)).size(), 1u);
  EXPECT_EQ(values(fetched(answer, 1)).size(), 1u);
  EXPECT_LE(since(enough), 50ms);
}

// Property: a record that is acknowledged while a fetch begins to wait always ends the wait. Fails when it can fall between the
// fetch's look and its watch. Seeds move the produce through every moment of a fetch whose reads go to a slow disk.
TEST_F(DataPath, no_wake_up_is_lost) {
  runtime::SimOptions sim = SimBroker::quiet();
  sim.disk.inline_percent = 0;
  sim.disk.access_mean = 2ms;
  sim.disk.cache_miss_percent = 100;
  begin(3, [](NodeOptions& options) { options.logs.tail_cache_bytes = 0; }, sim);
  (void)broker().create_topic("old");
  (void)broker().create_topic("t");
  Wire reader = broker().connect();
  Wire writer = broker().connect();
  ASSERT_EQ(produce(writer, "old", {"to be read from disk"}).error_code, ErrorCode::kNone);
  for (uint64_t i = 0; i < rounds(150); ++i) {
    // Nothing in t, then a slow look at what is there but not enough: the time in which t may move.
    FetchRequest request = SimBroker::fetch("t", Offset(static_cast<int64_t>(i)), 30'000, 150);
    request.topics.push_back(SimBroker::fetch("old", Offset(0)).topics[0]);
    reader.ask(request, kByName);
    broker().world.run_for(Duration(prng_.between(0, 8'000'000)));
    const ProducedPartition written = produce(writer, "t", {std::string(100, 'x')});
    ASSERT_EQ(written.base_offset, Offset(static_cast<int64_t>(i)));
    const MonoTime acknowledged = broker().world.now();
    const Result<FetchResponse> answer = reader.answer<FetchRequest>(kByName);
    ASSERT_EQ(values(fetched(answer, 0)).size(), 1u) << i;
    ASSERT_LE(since(acknowledged), 1s) << i;
  }
}

// Property: max_bytes and partition_max_bytes bound an answer to whole batches, but the first batch is whole however large, so
// that a reader always gets on. Fails when a batch is cut, a bound is exceeded by a second batch, or a large batch blocks.
TEST_F(DataPath, bounds_of_an_answer) {
  begin(4);
  (void)broker().create_topic("a");
  (void)broker().create_topic("b");
  Wire wire = broker().connect();
  for (int i = 0; i < 4; ++i) {
    (void)produce(wire, "a", {std::string(1000, static_cast<char>('0' + i))});
    (void)produce(wire, "b", {std::string(1000, static_cast<char>('0' + i))});
  }
  const size_t batch = broker().batch({std::string(1000, 'x')}).size();
  const auto ask = [&](int32_t bytes_max, int32_t partition_bytes_max) {
    FetchRequest request = SimBroker::fetch("a", Offset(0), 0, 1, partition_bytes_max);
    request.topics.push_back(SimBroker::fetch("b", Offset(0), 0, 1, partition_bytes_max).topics[0]);
    request.max_bytes = bytes_max;
    const Result<FetchResponse> answer = wire.call(request, kByName);
    return std::pair(values(fetched(answer, 0)).size(), values(fetched(answer, 1)).size());
  };
  const auto bytes = [&](double batches) { return static_cast<int32_t>(batches * static_cast<double>(batch)); };
  using Counts = std::pair<size_t, size_t>;
  EXPECT_EQ(ask(INT32_MAX, INT32_MAX), Counts(4, 4));
  EXPECT_EQ(ask(bytes(2.5), INT32_MAX), Counts(2, 0));
  EXPECT_EQ(ask(bytes(5.5), INT32_MAX), Counts(4, 1));
  EXPECT_EQ(ask(INT32_MAX, bytes(2.5)), Counts(2, 2));
  EXPECT_EQ(ask(INT32_MAX, bytes(1)), Counts(1, 1));
  EXPECT_EQ(ask(INT32_MAX, 1), Counts(1, 0));
  EXPECT_EQ(ask(1, 1), Counts(1, 0));
  EXPECT_EQ(ask(0, 0), Counts(1, 0));
  EXPECT_EQ(ask(-1, -1), Counts(1, 0));
}

// Property: offset errors are told at once and without the rest of the answer suffering. Fails when they wait or spread.
TEST_F(DataPath, offset_out_of_range_does_not_wait) {
  begin(5);
  (void)broker().create_topic("t");
  (void)broker().create_topic("other");
  Wire wire = broker().connect();
  (void)produce(wire, "t", {"x"});
  for (const int64_t offset : {int64_t{-1}, int64_t{2}, INT64_MAX, INT64_MIN}) {
    FetchRequest request = SimBroker::fetch("t", Offset(offset), 30'000);
    request.topics.push_back(SimBroker::fetch("other", Offset(0)).topics[0]);
    const MonoTime asked = broker().world.now();
    const Result<FetchResponse> answer = wire.call(request, kByName);
    EXPECT_EQ(fetched(answer, 0).error_code, ErrorCode::kOffsetOutOfRange) << offset;
    EXPECT_EQ(fetched(answer, 1).error_code, ErrorCode::kNone);
    EXPECT_LE(since(asked), 100ms);
  }
}

// Property: an answer is the same whether its records are read or sent from their file. Fails when a range begins or ends
// elsewhere than the batches asked for, or the frame's length does not count it.
TEST_F(DataPath, records_sent_from_their_file) {
  begin(10, [](NodeOptions& options) {
    options.logs.tail_cache_bytes = 0;
    options.logs.range_bytes_min = 1;
  });
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  std::vector<std::string> written;
  for (int i = 0; i < 100; ++i) {
    written.push_back(fmt::format("{}-{}", i, std::string(static_cast<size_t>(prng_.between(0, 900)), 'x')));
    (void)produce(wire, "t", {written.back()});
  }
  for (int i = 0; i < 100; ++i) {
    const int64_t from = prng_.between(0, 99);
    FetchRequest request = SimBroker::fetch("t", Offset(from), 0, 1, static_cast<int32_t>(prng_.between(1, 60'000)));
    const std::vector<std::string> read = values(fetched(wire.call(request, kByName)));
    ASSERT_FALSE(read.empty());
    ASSERT_LE(from + static_cast<int64_t>(read.size()), 100);
    for (size_t k = 0; k < read.size(); ++k) EXPECT_EQ(read[k], written[static_cast<size_t>(from) + k]);
  }
}

// Property: without transactions read_committed sees what read_uncommitted sees, and only it gets a list of aborted transactions.
// Fails when the last stable offset hangs back or clients that need the list get none.
TEST_F(DataPath, read_committed) {
  begin(7);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  (void)produce(wire, "t", {"x", "y"});
  FetchRequest request = SimBroker::fetch("t", Offset(0), 0);
  FetchedPartition got = fetched(wire.call(request, kByName));
  EXPECT_FALSE(got.aborted_transactions.has_value());
  request.isolation_level = 1;
  got = fetched(wire.call(request, kByName));
  EXPECT_THAT(values(got), testing::ElementsAre("x", "y"));
  EXPECT_EQ(got.last_stable_offset, Offset(2));
  EXPECT_EQ(got.high_watermark, Offset(2));
  ASSERT_TRUE(got.aborted_transactions.has_value());
  EXPECT_TRUE(got.aborted_transactions->empty());
  // A long poll of such a reader wakes too.
  Wire writer = broker().connect();
  request = SimBroker::fetch("t", Offset(2), 30'000);
  request.isolation_level = 1;
  wire.ask(request, kByName);
  (void)produce(writer, "t", {"z"});
  const MonoTime acknowledged = broker().world.now();
  EXPECT_THAT(values(fetched(wire.answer<FetchRequest>(kByName))), testing::ElementsAre("z"));
  EXPECT_LE(since(acknowledged), 100ms);
}

// Property: acks 0 gets no answer, 1 and all get the offset, anything else is refused and nothing is written; acks 0 with an
// error ends the connection. Fails when a client waits for an answer that never comes, or loses records without a sign.
TEST_F(DataPath, acks) {
  begin(8);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  EXPECT_EQ(produce(wire, "t", {"one"}, 1).base_offset, Offset(0));
  EXPECT_EQ(produce(wire, "t", {"all"}, -1).base_offset, Offset(1));
  wire.ask(SimBroker::produce("t", broker().batch({"none"}), 0), kProduceByName);
  wire.expect_no_answer();
  EXPECT_EQ(produce(wire, "t", {"two"}, 2).error_code, ErrorCode::kInvalidRequiredAcks);
  EXPECT_EQ(produce(wire, "t", {"minus two"}, -2).error_code, ErrorCode::kInvalidRequiredAcks);
  EXPECT_EQ(produce(wire, "t", {"last"}, -1).base_offset, Offset(3));
  EXPECT_THAT(read_all("t"), testing::ElementsAre("one", "all", "none", "last"));
  wire.ask(SimBroker::produce("nowhere", broker().batch({"x"}), 0), kProduceByName);
  EXPECT_EQ(wire.receive(1s).error().code(), ErrorCode::kConnectionClosed);
}

// Property: while a flush is slow, acks=all is answered REQUEST_TIMED_OUT after timeout_ms, nobody sees the record, and others are
// served; when the flush ends the record is there. Fails when a request hangs on the disk, or a reader sees what may be lost.
TEST_F(DataPath, slow_sync_times_out) {
  begin(9);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  ASSERT_EQ(produce(wire, "t", {"before"}).error_code, ErrorCode::kNone);
  disk().sync_min = 20s;
  Wire slow = broker().connect();
  const MonoTime asked = broker().world.now();
  slow.ask(SimBroker::produce("t", broker().batch({"slow"}), -1, 1500), kProduceByName);
  const FetchedPartition early = fetched(wire.call(SimBroker::fetch("t", Offset(1), 200), kByName));
  EXPECT_TRUE(early.records.empty());
  EXPECT_EQ(early.high_watermark, Offset(1));
  EXPECT_TRUE(broker().serves_newcomers());
  const ProducedPartition late = produced(slow.answer<ProduceRequest>(kProduceByName));
  EXPECT_EQ(late.error_code, ErrorCode::kRequestTimedOut);
  EXPECT_GE(since(asked), 1500ms);
  EXPECT_LE(since(asked), 1700ms);
  disk().sync_min = 100us;
  broker().world.run_for(25s);
  EXPECT_THAT(read_all("t"), testing::ElementsAre("before", "slow"));
}

// Property: with weir.flush.on.ack=false nobody waits for the disk. Fails when a topic that does without still waits.
TEST_F(DataPath, without_flush_on_ack_nobody_waits) {
  begin(10);
  (void)broker().create_topic("t", 1, {{"weir.flush.on.ack", "false"}});
  disk().sync_min = 20s;
  Wire wire = broker().connect();
  const MonoTime asked = broker().world.now();
  EXPECT_EQ(produce(wire, "t", {"x"}, -1).error_code, ErrorCode::kNone);
  EXPECT_EQ(values(fetched(wire.call(SimBroker::fetch("t", Offset(0)), kByName))).size(), 1u);
  EXPECT_LE(since(asked), 1s);
  disk().sync_min = 100us;
  broker().world.run_for(25s);
}

// Property: pipelined produces are appended and answered in the order in which they were sent, whatever the disk does.
// Fails when overlapping requests overtake one another: an idempotent producer would see gaps.
TEST_F(DataPath, pipelined_produces_keep_their_order) {
  for (uint64_t seed = 1; seed <= rounds(10); ++seed) {
    SCOPED_TRACE(seed);
    runtime::SimOptions sim = SimBroker::quiet();
    sim.disk.slow_ppm = 100'000;
    sim.disk.slow_max = 300ms;
    begin(seed, {}, sim);
    (void)broker().create_topic("t");
    Wire wire = broker().connect();
    constexpr int kRequests = 40;
    std::vector<std::string> expected;
    for (int i = 0; i < kRequests; ++i) {
      expected.push_back(fmt::format("value {}", i));
      const int16_t acks = prng_.chance(50) ? -1 : 1;
      wire.ask(SimBroker::produce("t", broker().batch({expected.back()}), acks), kProduceByName);
    }
    for (int i = 0; i < kRequests; ++i) {
      const ProducedPartition answer = produced(wire.answer<ProduceRequest>(kProduceByName));
      ASSERT_EQ(answer.error_code, ErrorCode::kNone) << i;
      ASSERT_EQ(answer.base_offset, Offset(i));
    }
    EXPECT_EQ(read_all("t"), expected);
  }
}

// Property: a batch sent again is answered with its old offset and is in the log once: at once, while the first is on its way
// to the disk, after a clean restart, and after a power cut. Fails when producer state is not recovered with the log.
TEST_F(DataPath, duplicates_are_found_across_restarts) {
  begin(11);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  protocol::InitProducerIdRequest init;
  init.transactional_id = std::nullopt;
  init.transaction_timeout_ms = 1000;
  const auto given = wire.call(init, 4);
  ASSERT_TRUE(given.has_value() && given->error_code == ErrorCode::kNone);
  const ProducerId id = given->producer_id;
  const auto send = [&](Wire& on, int32_t sequence) {
    return produced(on.call(SimBroker::produce("t", broker().batch({fmt::format("s{}", sequence)}, id, sequence)), kProduceByName));
  };
  // Twice in one breath.
  for (int i = 0; i < 2; ++i) wire.ask(SimBroker::produce("t", broker().batch({"s0"}, id, 0)), kProduceByName);
  for (int i = 0; i < 2; ++i) {
    const ProducedPartition answer = produced(wire.answer<ProduceRequest>(kProduceByName));
    EXPECT_EQ(answer.error_code, ErrorCode::kNone);
    EXPECT_EQ(answer.base_offset, Offset(0));
  }
  EXPECT_EQ(send(wire, 1).base_offset, Offset(1));
  EXPECT_EQ(send(wire, 3).error_code, ErrorCode::kOutOfOrderSequenceNumber);

  ASSERT_TRUE(broker().stop());
  ASSERT_TRUE(broker().start());
  Wire second = broker().connect();
  EXPECT_EQ(send(second, 1).base_offset, Offset(1));
  EXPECT_EQ(send(second, 2).base_offset, Offset(2));

  ASSERT_TRUE(broker().power_cycle());
  Wire third = broker().connect();
  EXPECT_EQ(send(third, 1).base_offset, Offset(1));
  EXPECT_EQ(send(third, 2).base_offset, Offset(2));
  EXPECT_EQ(send(third, 4).error_code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(send(third, 3).base_offset, Offset(3));
  EXPECT_THAT(read_all("t"), testing::ElementsAre("s0", "s1", "s2", "s3"));
}

// Property: deleting a topic ends the long polls that wait on it, soon and with an error that tells; made again under the same
// name it has a new id and begins at 0, and the old id leads nowhere.
// Fails when a waiter keeps a deleted partition alive, or old records come back.
TEST_F(DataPath, deletion_ends_waiters_and_a_new_topic_is_new) {
  begin(14);
  const Uuid old_id = broker().create_topic("t");
  Wire writer = broker().connect();
  ASSERT_EQ(produce(writer, "t", {"old"}).error_code, ErrorCode::kNone);
  Wire by_name = broker().connect();
  Wire by_id = broker().connect();
  by_name.ask(SimBroker::fetch("t", Offset(1), 50'000), kByName);
  FetchRequest with_id = SimBroker::fetch("", Offset(1), 50'000);
  with_id.topics[0].topic_id = old_id;
  by_id.ask(with_id, 13);
  broker().world.run_for(100ms);
  const MonoTime asked = broker().world.now();
  EXPECT_EQ(broker().delete_topic("t"), ErrorCode::kNone);
  EXPECT_EQ(fetched(by_name.answer<FetchRequest>(kByName)).error_code, ErrorCode::kUnknownTopicOrPartition);
  const ErrorCode told = fetched(by_id.answer<FetchRequest>(13)).error_code;
  EXPECT_TRUE(told == ErrorCode::kUnknownTopicId || told == ErrorCode::kUnknownTopicOrPartition) << name_of(told);
  EXPECT_LE(since(asked), 1s);

  const Uuid new_id = broker().create_topic("t");
  EXPECT_NE(new_id, old_id);
  EXPECT_THAT(read_all("t"), testing::IsEmpty());
  EXPECT_EQ(produce(writer, "t", {"new"}).base_offset, Offset(0));
  with_id.topics[0].partitions[0].fetch_offset = Offset(0);
  with_id.max_wait_ms = 0;
  EXPECT_EQ(fetched(writer.call(with_id, 13)).error_code, ErrorCode::kUnknownTopicId);
  ProduceRequest to_old = SimBroker::produce("", broker().batch({"x"}));
  to_old.topic_data[0].topic_id = old_id;
  EXPECT_EQ(produced(writer.call(to_old, 13)).error_code, ErrorCode::kUnknownTopicId);
  ASSERT_TRUE(broker().power_cycle());
  EXPECT_THAT(read_all("t"), testing::ElementsAre("new"));
}

// Property: topics that come and go while clients produce and fetch leave a broker that serves and stops. Fails when deletion
// waits for a client for ever, or a handler uses a partition that is gone.
TEST_F(DataPath, topics_come_and_go_under_load) {
  for (uint64_t seed = 1; seed <= rounds(5); ++seed) {
    SCOPED_TRACE(seed);
    begin(seed);
    std::vector<Wire> wires;
    for (int i = 0; i < 6; ++i) wires.push_back(broker().connect());
    for (int round = 0; round < 12; ++round) {
      (void)broker().create_topic("t");
      for (size_t i = 0; i < wires.size(); ++i) {
        if (i % 2 == 0) wires[i].ask(SimBroker::fetch("t", Offset(prng_.between(0, 3)), 2000, 10'000), kByName);
        if (i % 2 == 1) wires[i].ask(SimBroker::produce("t", broker().batch({"x"}), -1, 2000), kProduceByName);
      }
      broker().world.run_for(Duration(prng_.between(0, 5'000'000)));
      EXPECT_EQ(broker().delete_topic("t"), ErrorCode::kNone);
      for (size_t i = 0; i < wires.size(); ++i) {
        if (i % 2 == 0) ASSERT_TRUE(wires[i].answer<FetchRequest>(kByName).has_value());
        if (i % 2 == 1) ASSERT_TRUE(wires[i].answer<ProduceRequest>(kProduceByName).has_value());
      }
    }
    EXPECT_EQ(broker().node().partitions().size(), 0u);
    EXPECT_TRUE(broker().stop());
    EXPECT_TRUE(broker().outcome().has_value());
  }
}

// Property: a change of a topic's configuration reaches its logs and what is accepted for them, at once, and is taken back with
// it; a broker's default reaches topics that say nothing. Fails when a partition keeps what it was opened with.
TEST_F(DataPath, configuration_reaches_the_logs) {
  begin(15);
  (void)broker().create_topic("t");
  Wire wire = broker().connect();
  const auto options = [&] { return broker().node().partitions().find("t", PartitionIndex(0))->log().options(); };
  const storage::LogOptions before = options();
  EXPECT_TRUE(before.flush_on_ack);
  EXPECT_EQ(configure("t", "segment.bytes", "2097152"), ErrorCode::kNone);
  EXPECT_EQ(options().segment_bytes, 2'097'152);
  EXPECT_EQ(configure("t", "retention.ms", "-1"), ErrorCode::kNone);
  EXPECT_EQ(options().retention_ms, -1);
  EXPECT_EQ(configure("t", "weir.flush.on.ack", "false"), ErrorCode::kNone);
  EXPECT_FALSE(options().flush_on_ack);
  EXPECT_EQ(configure("t", "max.message.bytes", "2000"), ErrorCode::kNone);
  EXPECT_EQ(produce(wire, "t", {std::string(3000, 'x')}).error_code, ErrorCode::kMessageTooLarge);
  EXPECT_EQ(configure("t", "max.message.bytes", std::nullopt), ErrorCode::kNone);
  EXPECT_EQ(produce(wire, "t", {std::string(3000, 'x')}).error_code, ErrorCode::kNone);
  for (const char* name : {"segment.bytes", "retention.ms", "weir.flush.on.ack"}) EXPECT_EQ(configure("t", name, std::nullopt), ErrorCode::kNone);
  EXPECT_EQ(options().segment_bytes, before.segment_bytes);
  EXPECT_EQ(options().retention_ms, before.retention_ms);
  EXPECT_TRUE(options().flush_on_ack);
}

// Property: turning weir.flush.on.ack on or off while produces wait leaves none of them waiting. Fails when the one that waits for
// a flush is not told that none is needed any more.
TEST_F(DataPath, flush_on_ack_changes_under_waiting_produces) {
  begin(16);
  (void)broker().create_topic("t");
  Wire waiting = broker().connect();
  disk().sync_min = 4s;
  waiting.ask(SimBroker::produce("t", broker().batch({"x"})), kProduceByName);
  EXPECT_EQ(configure("t", "weir.flush.on.ack", "false"), ErrorCode::kNone);
  EXPECT_EQ(produced(waiting.answer<ProduceRequest>(kProduceByName)).error_code, ErrorCode::kNone);
  // Written without a flush; from now on nothing above the durable end is shown, and the next flush covers all of it.
  disk().sync_min = 100us;
  Wire writer = broker().connect();
  ASSERT_EQ(produce(writer, "t", {"y"}).error_code, ErrorCode::kNone);
  EXPECT_EQ(configure("t", "weir.flush.on.ack", "true"), ErrorCode::kNone);
  const MonoTime asked = broker().world.now();
  EXPECT_EQ(produce(writer, "t", {"z"}).error_code, ErrorCode::kNone);
  EXPECT_LE(since(asked), 1s);
  EXPECT_THAT(read_all("t"), testing::ElementsAre("x", "y", "z"));
}

// Property: a node that is asked to stop answers what is under way, long polls included, and ends in time. Fails when a fetch of
// an hour holds a stop up or a produce that was written is left without its answer.
TEST_F(DataPath, stop_answers_what_is_under_way) {
  begin(17);
  (void)broker().create_topic("t");
  Wire reader = broker().connect();
  Wire writer = broker().connect();
  reader.ask(SimBroker::fetch("t", Offset(0), 3'600'000, 100'000), kByName);
  disk().sync_min = 30ms;
  writer.ask(SimBroker::produce("t", broker().batch({"written"})), kProduceByName);
  broker().world.run_for(10ms);  // the record has come and is not on disk
  const MonoTime asked = broker().world.now();
  broker().begin_stop();
  EXPECT_EQ(produced(writer.answer<ProduceRequest>(kProduceByName)).error_code, ErrorCode::kNone);
  const Result<FetchResponse> waited = reader.answer<FetchRequest>(kByName);
  EXPECT_TRUE(waited.has_value()) << waited.error().describe();
  ASSERT_TRUE(broker().stop());
  EXPECT_LE(since(asked), 10s);
  EXPECT_TRUE(broker().outcome().has_value());
  ASSERT_TRUE(broker().start());
  EXPECT_THAT(read_all("t"), testing::ElementsAre("written"));
}

// Property: a change of the metadata that is committed while the node stops, after its partitions were let go, ends in an answer
// or a closed connection, and the stop in success. Fails when a late image is applied to a partition that has retired.
TEST_F(DataPath, a_change_that_is_under_way_outlives_the_stop) {
  begin(31);
  (void)broker().create_topic("t");
  (void)broker().create_topic("going");
  Wire configuring = broker().connect();
  Wire deleting = broker().connect();
  Wire creating = broker().connect();
  disk().sync_min = 2s;  // longer than waiting fetches are given
  protocol::IncrementalAlterConfigsRequest change;
  change.resources.push_back({2, "t", {{"retention.ms", 0, "1000"}}});
  configuring.ask(change, 1);
  protocol::DeleteTopicsRequest deletion;
  deletion.topics.push_back({.name = "going"});
  deleting.ask(deletion, 6);
  protocol::CreateTopicsRequest creation;
  creation.topics.emplace_back();
  creation.topics[0].name = "coming";
  creation.topics[0].num_partitions = 2;
  creation.topics[0].replication_factor = 1;
  creating.ask(creation, 7);
  broker().world.run_for(100ms);
  ASSERT_TRUE(broker().stop());
  EXPECT_TRUE(broker().outcome().has_value()) << broker().outcome().error().describe();
  disk() = runtime::SimDiskOptions();
  ASSERT_TRUE(broker().start()) << broker().outcome().error().describe();
  Wire wire = broker().connect();
  EXPECT_EQ(produce(wire, "coming", {"x"}).error_code, ErrorCode::kNone);
  EXPECT_EQ(produce(wire, "going", {"x"}).error_code, ErrorCode::kUnknownTopicOrPartition);
  const auto entries = broker().world.run(broker().machine, broker().machine.environment().disk.list("/data/log"));
  ASSERT_TRUE(entries.has_value());
  for (const runtime::DirEntry& entry : *entries) EXPECT_FALSE(entry.name.ends_with("-stray")) << entry.name;
}

}  // namespace
}  // namespace weir::node
