#include "weir/raft/control_records.h"

#include <fmt/format.h>

#include "weir/protocol/decode.h"
#include "weir/protocol/encode.h"
#include "weir/protocol/internal/kraft_version.h"
#include "weir/protocol/internal/leader_change.h"
#include "weir/protocol/internal/snapshot_footer.h"
#include "weir/protocol/internal/snapshot_header.h"
#include "weir/protocol/internal/voters.h"
#include "weir/record/builder.h"
#include "weir/record/control.h"
#include "weir/record/record.h"

namespace weir::raft {
namespace {

constexpr int16_t kBodyVersion = 0;
constexpr size_t kBatchOutputBytesMax = 64u << 20;

class ControlBatch {
 public:
  explicit ControlBatch(const BatchPlace& place) : place_(place), builder_(options(place)) {}

  template <typename Body>
  Result<void> add(record::ControlType type, const Body& body) {
    protocol::FrameWriter out;
    WEIR_CHECK(protocol::encode(out, body, kBodyVersion));
    const SharedBytes value = std::move(out).join();
    builder_.add(place_.now, record::control_key(type), value.view());
    return {};
  }
  Result<Bytes> build() && {
    codec::Codecs codecs;
    return std::move(builder_).build(codecs);
  }

 private:
  static record::BatchOptions options(const BatchPlace& place) {
    record::BatchOptions options;
    options.base_offset = place.base_offset;
    options.leader_epoch = place.epoch;
    options.is_control = true;
    return options;
  }
  BatchPlace place_;
  record::BatchBuilder builder_;
};

protocol::VotersRecord voters_record(const std::vector<Voter>& voters) {
  protocol::VotersRecord record;
  for (const Voter& voter : voters) {
    protocol::VotersRecord::Voter one;
    one.voter_id = voter.id;
    one.voter_directory_id = voter.directory_id;
    for (const ListenerAddress& endpoint : voter.endpoints)
      one.endpoints.push_back({endpoint.name, endpoint.host, endpoint.port});
    one.kraft_version_feature = {voter.kraft_version_min, voter.kraft_version_max};
    record.voters.push_back(std::move(one));
  }
  return record;
}

std::vector<Voter> voters_of(const protocol::VotersRecord& record) {
  std::vector<Voter> voters;
  for (const auto& one : record.voters) {
    Voter voter{one.voter_id,
                one.voter_directory_id,
                {},
                one.kraft_version_feature.min_supported_version,
                one.kraft_version_feature.max_supported_version};
    for (const auto& endpoint : one.endpoints) voter.endpoints.push_back({endpoint.name, endpoint.host, endpoint.port});
    voters.push_back(std::move(voter));
  }
  return voters;
}

Result<void> add_voters(ControlBatch& batch, const std::vector<Voter>& voters) {
  protocol::KRaftVersionRecord version;
  version.kraft_version = 1;
  WEIR_CHECK(batch.add(record::ControlType::kKraftVersion, version));
  return batch.add(record::ControlType::kVoters, voters_record(voters));
}

std::unexpected<Error> malformed(const record::BatchView& batch, std::string_view why) {
  return fail(ErrorCode::kMalformedFile, fmt::format("batch at offset {}: {}", batch.base_offset(), why));
}

template <typename Body>
Result<Body> body_of(const record::Record& record) {
  return protocol::decode<Body>(record.value.value_or(ByteView()), kBodyVersion);
}

Result<void> take_control_record(const record::Record& record, ControlState& state) {
  WEIR_TRY(const record::ControlType type, record::parse_control_key(record.key.value_or(ByteView())));
  switch (type) {
    case record::ControlType::kKraftVersion: {
      WEIR_TRY(const auto body, body_of<protocol::KRaftVersionRecord>(record));
      state.kraft_version = body.kraft_version;
      return {};
    }
    case record::ControlType::kVoters: {
      WEIR_TRY(const auto body, body_of<protocol::VotersRecord>(record));
      state.voters = voters_of(body);
      return {};
    }
    case record::ControlType::kSnapshotHeader: {
      WEIR_TRY(const auto body, body_of<protocol::SnapshotHeaderRecord>(record));
      state.snapshot_timestamp = body.last_contained_log_timestamp;
      return {};
    }
    case record::ControlType::kSnapshotFooter: state.snapshot_complete = true; return {};
    default: return {};  // a leader change says what quorum-state says too
  }
}

Result<record::Records> open_records(const record::BatchView& batch, Bytes& scratch) {
  if (!batch.crc_matches()) return malformed(batch, "the checksum does not match");
  codec::Codecs codecs;
  Result<record::Records> records = record::Records::open(batch, codecs, kBatchOutputBytesMax, scratch);
  if (!records) return malformed(batch, records.error().message());
  return records;
}

}  // namespace

Result<Bytes> leader_change_batch(const BatchPlace& place, BrokerId leader, const std::vector<BrokerId>& voter_ids,
                                  const std::vector<Voter>* voters) {
  protocol::LeaderChangeMessage change;
  change.leader_id = leader;
  for (const BrokerId id : voter_ids) {
    protocol::LeaderChangeMessage::Voter voter;
    voter.voter_id = id;
    change.voters.push_back(voter);
    if (id == leader) change.granting_voters.push_back(voter);
  }
  ControlBatch batch(place);
  WEIR_CHECK(batch.add(record::ControlType::kLeaderChange, change));
  if (voters != nullptr) WEIR_CHECK(add_voters(batch, *voters));
  return std::move(batch).build();
}

Result<Bytes> snapshot_header_batch(const BatchPlace& place, TimestampMs last_timestamp, const std::vector<Voter>* voters) {
  protocol::SnapshotHeaderRecord header;
  header.last_contained_log_timestamp = last_timestamp;
  ControlBatch batch(place);
  WEIR_CHECK(batch.add(record::ControlType::kSnapshotHeader, header));
  if (voters != nullptr) WEIR_CHECK(add_voters(batch, *voters));
  return std::move(batch).build();
}

Result<Bytes> snapshot_footer_batch(const BatchPlace& place) {
  ControlBatch batch(place);
  WEIR_CHECK(batch.add(record::ControlType::kSnapshotFooter, protocol::SnapshotFooterRecord()));
  return std::move(batch).build();
}

Result<Bytes> data_batch(const BatchPlace& place, const std::vector<Bytes>& values) {
  record::BatchOptions options;
  options.base_offset = place.base_offset;
  options.leader_epoch = place.epoch;
  record::BatchBuilder builder(options);
  for (const Bytes& value : values) builder.add(place.now, std::nullopt, ByteView(value));
  codec::Codecs codecs;
  return std::move(builder).build(codecs);
}

Result<void> read_control_batch(const record::BatchView& batch, ControlState& state) {
  Bytes scratch;
  WEIR_TRY(record::Records records, open_records(batch, scratch));
  for (;;) {
    const Result<std::optional<record::Record>> record = records.next();
    if (!record) return malformed(batch, record.error().message());
    if (!*record) return {};
    const Result<void> taken = take_control_record(**record, state);
    if (!taken) return malformed(batch, taken.error().message());
  }
}

Result<std::vector<ByteView>> read_data_batch(const record::BatchView& batch, Bytes& scratch) {
  WEIR_TRY(record::Records records, open_records(batch, scratch));
  std::vector<ByteView> values;
  for (;;) {
    const Result<std::optional<record::Record>> record = records.next();
    if (!record) return malformed(batch, record.error().message());
    if (!*record) return values;
    values.push_back((*record)->value.value_or(ByteView()));
  }
}

}  // namespace weir::raft
