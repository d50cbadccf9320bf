// The consumer of the simulator: fetches every partition from its beginning, with or without fetch sessions, and checks what
// it is given: offsets in order, CRCs, nothing at or above the high watermark, a watermark that never goes back.
#include <algorithm>
#include <cstring>

#include "weir/protocol/fetch.h"
#include "weir/record/batches.h"
#include "weir/record/record.h"
#include "workload_inner.h"

namespace weir::sim {

using protocol::FetchRequest;
using protocol::FetchResponse;
using runtime::Environment;
using runtime::Task;

namespace {

constexpr int32_t kMaxWaitMs = 500;
constexpr int32_t kPartitionBytesMax = 64 << 10;
constexpr size_t kOutputBytesMax = 16 << 20;

}  // namespace

Result<Given> records_of(const SharedBytes& bytes, int64_t from, codec::Codecs& codecs) {
  Given given{{}, from};
  int64_t end = 0;
  record::Batches batches(bytes);
  for (;;) {
    WEIR_TRY(const std::optional<record::AnyBatch> batch, batches.next());
    if (!batch) return given;
    const record::BatchView* view = batch->v2();
    if (view == nullptr) return fail(ErrorCode::kCorruptMessage, "a legacy message");
    if (!view->crc_matches())
      return fail(ErrorCode::kCorruptMessage, fmt::format("the CRC of the batch at {}", view->base_offset()));
    if (view->base_offset().value() < end) {
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("the batch at {} comes after one that ends at {}", view->base_offset(), end));
    }
    end = view->next_offset().value();
    if (!view->is_control()) {
      Bytes scratch;
      WEIR_TRY(const std::vector<record::Record> records, record::read_records(*view, codecs, kOutputBytesMax, scratch));
      for (const record::Record& record : records) {
        if (record.offset.value() < given.next) continue;
        if (!record.value || record.value->size() < sizeof(ValueId))
          return fail(ErrorCode::kCorruptMessage, "not a value of ours");
        ValueId value;
        std::memcpy(&value.writer, record.value->data(), 4);
        std::memcpy(&value.number, record.value->data() + 4, 4);
        given.placed.push_back({record.offset.value(), value});
      }
    }
    given.next = std::max(given.next, end);
  }
}

namespace {

class Consumer {
 public:
  Consumer(Environment env, Topic* topic, Reader* reader) : env_(env), topic_(*topic), reader_(*reader) {
    reader_.positions.resize(topic_.partitions.size(), 0);
    reader_.high_watermarks.resize(topic_.partitions.size(), 0);
  }

  Task<void> run() {
    while (!reader_.stop) {
      const bool went_well = co_await fetch_once();
      if (went_well) continue;
      client_.reset();
      co_await pause_before_retry(env_);
    }
    reader_.stopped = true;
  }

 private:
  FetchRequest request() {
    FetchRequest request;
    request.max_wait_ms = kMaxWaitMs;
    request.min_bytes = 1;
    request.session_id = session_id_;
    request.session_epoch = reader_.sessions ? session_epoch_ : -1;
    auto& topic = request.topics.emplace_back();
    if (client_->version_of(protocol::ApiKey::kFetch) >= 13)
      topic.topic_id = topic_id_;
    else
      topic.topic = topic_.name;
    for (size_t i = 0; i < reader_.positions.size(); ++i) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition = PartitionIndex(static_cast<int32_t>(i));
      partition.fetch_offset = Offset(reader_.positions[i]);
      partition.partition_max_bytes = kPartitionBytesMax;
    }
    return request;
  }

  Task<bool> fetch_once() {
    if (client_ == nullptr) {
      client_ = co_await connect_to_topic(env_, &topic_, "consumer", &topic_id_);
      session_id_ = 0;
      session_epoch_ = 0;
    }
    if (client_ == nullptr) co_return false;
    if (client_->version_of(protocol::ApiKey::kFetch) < 7) reader_.sessions = false;
    start_floors_.clear();
    for (const auto& history : topic_.partitions) start_floors_.push_back(history->start_floor());
    const auto answer = co_await client_->call(request());
    if (!answer) {
      if (is_wire_failure(answer.error())) topic_.violate("wire", answer.error().describe());
      co_return false;
    }
    if (answer->error_code != ErrorCode::kNone) co_return false;
    session_id_ = reader_.sessions ? answer->session_id : 0;
    session_epoch_ = session_id_ == 0 ? 0 : session_epoch_ + 1;
    bool good = true;
    for (const auto& topic : answer->responses) {
      for (const auto& partition : topic.partitions) good = take(partition) && good;
    }
    for (size_t i = 0; i < overtaken_.size() && good; ++i) good = co_await catch_up(overtaken_[i]);
    overtaken_.clear();
    co_return good;
  }

  // The reader's place was deleted: on from the beginning of what is left.
  Task<bool> catch_up(size_t index) {
    const int64_t floor = topic_.partitions[index]->start_floor();
    const auto start = co_await start_of(client_.get(), &topic_, PartitionIndex(static_cast<int32_t>(index)));
    if (!start) {
      if (is_wire_failure(start.error())) topic_.violate("wire", start.error().describe());
      co_return false;
    }
    topic_.partitions[index]->begins_at(*start, floor);
    ++reader_.overtaken;
    reader_.positions[index] = std::max(reader_.positions[index], *start);
    co_return true;
  }

  bool take(const FetchResponse::PartitionData& given) {
    const size_t index = static_cast<size_t>(given.partition_index.value());
    if (index >= reader_.positions.size()) {
      topic_.violate("wire", fmt::format("partition {} was not asked for", index));
      return false;
    }
    int64_t& position = reader_.positions[index];
    if (given.error_code == ErrorCode::kOffsetOutOfRange && topic_.partitions[index]->may_be_deleted(position)) {
      overtaken_.push_back(index);
      return true;
    }
    if (given.error_code == ErrorCode::kOffsetOutOfRange) {
      topic_.violate("unstable-read",
                     fmt::format("partition {}: read to offset {}, which the broker no longer knows", index, position));
    }
    if (given.error_code != ErrorCode::kNone) return false;
    int64_t& high_watermark = reader_.high_watermarks[index];
    if (given.high_watermark.value() < high_watermark) {
      topic_.violate("hw-regress",
                     fmt::format("partition {}: high watermark {} after {}", index, given.high_watermark, high_watermark));
    }
    high_watermark = given.high_watermark.value();
    const Result<Given> read = records_of(given.records.joined(), position, codecs_);
    if (!read) {
      topic_.violate("corrupt-read", fmt::format("partition {}: {}", index, read.error().describe()));
      return false;
    }
    for (const Placed& placed : read->placed) {
      if (placed.offset >= high_watermark) {
        topic_.violate("early-read",
                       fmt::format("partition {}: offset {} at high watermark {}", index, placed.offset, high_watermark));
      }
      if (placed.offset != position) {
        topic_.violate("poll-skip", fmt::format("partition {}: offset {} where {} is next", index, placed.offset, position));
      }
      position = placed.offset + 1;
      topic_.partitions[index]->observed(placed, start_floors_[index]);
    }
    position = std::max(position, read->next);
    return true;
  }

  Environment env_;
  Topic& topic_;
  Reader& reader_;
  std::vector<int64_t> start_floors_;  // when the last question was sent
  std::vector<size_t> overtaken_;      // partitions whose position is not in the log any more
  codec::Codecs codecs_;
  std::unique_ptr<WireClient> client_;
  Uuid topic_id_;
  int32_t session_id_ = 0;
  int32_t session_epoch_ = 0;
};

}  // namespace

Task<void> read_from_broker(Environment env, Topic* topic, Reader* reader) {
  Consumer consumer(env, topic, reader);
  co_await consumer.run();
}

Task<Result<LogContent>> read_partition(Environment env, Topic* topic, PartitionIndex partition) {
  codec::Codecs codecs;
  LogContent all;
  Uuid topic_id;
  std::unique_ptr<WireClient> client;
  while (client == nullptr) {
    client = co_await connect_to_topic(env, topic, "final", &topic_id);
    if (client == nullptr) co_await pause_before_retry(env);
  }
  WEIR_CO_TRY(all.start, co_await start_of(client.get(), topic, partition));
  for (int64_t next = all.start;;) {
    FetchRequest request;
    request.session_epoch = -1;
    auto& wanted_topic = request.topics.emplace_back();
    if (client->version_of(protocol::ApiKey::kFetch) >= 13)
      wanted_topic.topic_id = topic_id;
    else
      wanted_topic.topic = topic->name;
    auto& wanted = wanted_topic.partitions.emplace_back();
    wanted.partition = partition;
    wanted.fetch_offset = Offset(next);
    wanted.partition_max_bytes = 1 << 20;
    WEIR_CO_TRY(const auto answer, co_await client->call(std::move(request)));
    if (answer.responses.size() != 1 || answer.responses[0].partitions.size() != 1) {
      co_return fail(ErrorCode::kMalformedFrame, "a fetch response without the partition that was asked for");
    }
    const auto& given = answer.responses[0].partitions[0];
    if (given.error_code != ErrorCode::kNone)
      co_return fail(given.error_code, fmt::format("partition {} from {}", partition, next));
    WEIR_CO_TRY(const Given read, records_of(given.records.joined(), next, codecs));
    all.records.insert(all.records.end(), read.placed.begin(), read.placed.end());
    if (read.next == next) {
      if (next >= given.high_watermark.value()) co_return all;
      co_return fail(ErrorCode::kInternal, fmt::format("partition {} gives nothing at {} below its high watermark {}", partition,
                                                       next, given.high_watermark));
    }
    next = read.next;
  }
}

}  // namespace weir::sim
