// Fetch sessions over the wire against the whole broker on the simulator: what a session remembers, and what ends its waits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/node/data_path_fixture_test.h"
#include "weir/protocol/delete_records.h"

namespace weir::node {
namespace {

// Property: a fetch session remembers partitions between requests and answers only what changed; it outlives its connection,
// and a wrong epoch or id is refused. Fails when a client that trusts its session misses records.
TEST_F(DataPath, sessions) {
  begin(6);
  (void)broker().create_topic("a");
  (void)broker().create_topic("b");
  Wire writer = broker().connect();
  Wire wire = broker().connect();
  FetchRequest request = SimBroker::fetch("a", Offset(0), 0);
  request.topics.push_back(SimBroker::fetch("b", Offset(0), 0).topics[0]);
  request.session_epoch = 0;
  Result<FetchResponse> answer = wire.call(request, kByName);
  ASSERT_TRUE(answer.has_value());
  const int32_t session = answer->session_id;
  ASSERT_NE(session, 0);
  EXPECT_EQ(answer->responses.size(), 2u);

  FetchRequest next = SimBroker::fetch("a", Offset(0), 200);
  next.topics.clear();
  next.session_id = session;
  next.session_epoch = 1;
  answer = wire.call(next, kByName);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error_code, ErrorCode::kNone);
  EXPECT_TRUE(answer->responses.empty());

  // Another connection goes on with it, and hears of the partition that has news.
  wire.close();
  Wire again = broker().connect();
  next.session_epoch = 2;
  next.max_wait_ms = 30'000;
  again.ask(next, kByName);
  (void)produce(writer, "b", {"news"});
  answer = again.answer<FetchRequest>(kByName);
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->responses.size(), 1u);
  EXPECT_EQ(answer->responses[0].topic, "b");
  EXPECT_THAT(values(fetched(answer)), testing::ElementsAre("news"));

  next.session_epoch = 2;
  answer = again.call(next, kByName);
  EXPECT_EQ(answer->error_code, ErrorCode::kInvalidFetchSessionEpoch);
  next.session_id = session + 1;
  answer = again.call(next, kByName);
  EXPECT_EQ(answer->error_code, ErrorCode::kFetchSessionIdNotFound);

  // Forgotten partitions are silent; a new offset is taken.
  next.session_id = session;
  next.session_epoch = 3;
  next.max_wait_ms = 200;
  next.topics = SimBroker::fetch("b", Offset(1)).topics;
  next.forgotten_topics_data.push_back({.topic = "a", .partitions = {PartitionIndex(0)}});
  answer = again.call(next, kByName);
  EXPECT_EQ(answer->error_code, ErrorCode::kNone);
  next.topics.clear();
  next.forgotten_topics_data.clear();
  (void)produce(writer, "a", {"unheard"});
  next.session_epoch = 4;
  answer = again.call(next, kByName);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error_code, ErrorCode::kNone);
  EXPECT_TRUE(answer->responses.empty());

  // An ended session is gone.
  next.session_epoch = -1;
  answer = again.call(next, kByName);
  EXPECT_EQ(answer->session_id, 0);
  next.session_epoch = 5;
  answer = again.call(next, kByName);
  EXPECT_EQ(answer->error_code, ErrorCode::kFetchSessionIdNotFound);
}

// Property: what becomes of a partition that a session has been told everything of ends the session's wait: records, a log start
// that moves, the topic's end and a new topic of its name. Fails when a settled slot is not looked at again.
TEST_F(DataPath, a_settled_session_hears_of_what_moves) {
  begin(8);
  (void)broker().create_topic("a");
  (void)broker().create_topic("b");
  Wire writer = broker().connect();
  Wire reader = broker().connect();
  FetchRequest request = SimBroker::fetch("a", Offset(0), 0);
  request.topics.push_back(SimBroker::fetch("b", Offset(0), 0).topics[0]);
  request.session_epoch = 0;
  Result<FetchResponse> answer = reader.call(request, kByName);
  request.session_id = answer->session_id;
  ASSERT_NE(request.session_id, 0);
  request.topics.clear();
  request.max_wait_ms = 20'000;
  const auto ask = [&] {
    ++request.session_epoch;
    reader.ask(request, kByName);
    broker().world.run_for(200ms);
  };
  for (int64_t i = 0; i < 3; ++i) {
    ask();
    (void)produce(writer, "b", {"x"});
    answer = reader.answer<FetchRequest>(kByName);
    ASSERT_EQ(values(fetched(answer)).size(), 1u) << i;
    EXPECT_EQ(answer->responses[0].topic, "b");
    request.topics = SimBroker::fetch("b", Offset(i + 1)).topics;   // as a client that has read it
  }
  ask();
  request.topics.clear();
  protocol::DeleteRecordsRequest cut;
  cut.topics = {{.name = "b", .partitions = {{.partition_index = PartitionIndex(0), .offset = Offset(2)}}}};
  cut.timeout_ms = 5000;
  (void)writer.call(cut, 2);
  (void)produce(writer, "a", {"y"});
  answer = reader.answer<FetchRequest>(kByName);
  ASSERT_EQ(answer->responses.size(), 2u);
  for (const auto& topic : answer->responses) {
    if (topic.topic == "b") EXPECT_EQ(topic.partitions[0].log_start_offset, Offset(2));
  }
  request.topics = SimBroker::fetch("a", Offset(1)).topics;
  ask();
  request.topics.clear();
  (void)broker().delete_topic("b");
  answer = reader.answer<FetchRequest>(kByName);
  ASSERT_EQ(answer->responses.size(), 1u);
  EXPECT_EQ(fetched(answer).error_code, ErrorCode::kUnknownTopicOrPartition);
  (void)broker().create_topic("b");
  (void)produce(writer, "b", {"anew"});
  ask();
  answer = reader.answer<FetchRequest>(kByName);
  ASSERT_EQ(answer->responses.size(), 1u);
  EXPECT_EQ(fetched(answer).error_code, ErrorCode::kOffsetOutOfRange);   // its offset is of the old topic
  request.topics = SimBroker::fetch("b", Offset(0)).topics;
  ask();
  answer = reader.answer<FetchRequest>(kByName);
  EXPECT_THAT(values(fetched(answer)), testing::ElementsAre("anew"));
}

// Property: a request whose connection ends while it waits takes nothing from its session: the next one gets every record.
TEST_F(DataPath, an_abandoned_wait_leaves_its_session_whole) {
  begin(9);
  (void)broker().create_topic("a");
  Wire writer = broker().connect();
  FetchRequest request = SimBroker::fetch("a", Offset(0), 0, 100'000);
  request.session_epoch = 0;
  Wire first = broker().connect();
  request.session_id = first.call(request, kByName)->session_id;
  ASSERT_NE(request.session_id, 0);
  request.topics.clear();
  request.max_wait_ms = 60'000;
  request.session_epoch = 1;
  first.ask(request, kByName);
  broker().world.run_for(100ms);
  (void)produce(writer, "a", {"too little to answer"});
  first.close();
  broker().world.run_for(100ms);
  Wire second = broker().connect();
  request.session_epoch = 2;
  request.max_wait_ms = 100;
  request.min_bytes = 1;
  EXPECT_THAT(values(fetched(second.call(request, kByName))), testing::ElementsAre("too little to answer"));
}

}  // namespace
}  // namespace weir::node
