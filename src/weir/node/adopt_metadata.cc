// The part of adopt.h that reads the metadata log, whole and without opening it.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weir/base/internal_topics.h"
#include "weir/metadata/controller/features.h"
#include "weir/metadata/delta.h"
#include "weir/metadata/format.h"
#include "weir/metadata/records.h"
#include "weir/metadata/topic_config.h"
#include "weir/node/adopt_parts.h"
#include "weir/raft/quorum_state.h"
#include "weir/raft/snapshot.h"
#include "weir/storage/segment_files.h"

namespace weir::node {
namespace {

constexpr uint64_t kMetadataFileBytesMax = uint64_t{4} << 30;

// What the metadata log comes to.
struct Replayed {
  metadata::ImageRef image;
  raft::ControlState control;
  Offset end{0};
};

class Replay {
 public:
  Replay() : delta_(std::make_shared<const metadata::MetadataImage>()) {}

  Result<void> take_values(const std::vector<ByteView>& values, Offset at) {
    for (const ByteView value : values) {
      WEIR_TRY(const metadata::MetadataRecord record, metadata::decode_record(value));
      WEIR_CHECK(delta_.apply(record, at));
      at = at.next();
    }
    return {};
  }
  Result<void> take_snapshot(const raft::LoadedSnapshot& snapshot, Offset end) {
    control = snapshot.control;
    this->end = end;
    return raft::visit_snapshot(snapshot, [&](const std::vector<ByteView>& values) { return take_values(values, end); });
  }
  // A segment. The last batch may be torn: nobody was told of it.
  Result<void> take_segment(ByteView bytes) {
    record::Batches batches(bytes);
    for (;;) {
      const Result<std::optional<record::AnyBatch>> batch = batches.next();
      if (!batch || !*batch || (*batch)->v2() == nullptr || !(*batch)->crc_matches()) return {};
      const record::BatchView& v2 = *(*batch)->v2();
      if ((*batch)->next_offset() <= end) continue;
      if (v2.is_control()) {
        WEIR_CHECK(raft::read_control_batch(v2, control));
      } else {
        Bytes scratch;
        WEIR_TRY(const std::vector<ByteView> values, raft::read_data_batch(v2, scratch));
        WEIR_CHECK(take_values(values, v2.base_offset()));
      }
      end = (*batch)->next_offset();
    }
  }
  metadata::ImageRef finish() const { return delta_.finish(); }

  raft::ControlState control;
  Offset end{0};

 private:
  metadata::MetadataDelta delta_;
};

Task<Result<Replayed>> replay(runtime::Disk& disk, std::string dir) {
  Replay replay;
  const std::string log_dir = fmt::format("{}/{}", dir, kMetadataLogName);
  auto files = co_await disk.list(log_dir);
  if (!files && files.error().code() != ErrorCode::kNotFound) co_return fail(files.error());
  std::optional<raft::SnapshotId> newest;
  std::vector<std::string> segments;  // sorted, as the list is
  for (const runtime::DirEntry& entry : files.value_or(std::vector<runtime::DirEntry>())) {
    if (const auto id = raft::parse_snapshot_file_name(entry.name); id && (!newest || newest->end < id->end)) newest = id;
    const auto name = storage::parse_segment_file_name(entry.name);
    if (name && name->suffix == storage::kLogSuffix && name->mark.empty()) segments.push_back(entry.name);
  }
  if (newest) {
    WEIR_CO_TRY(const raft::LoadedSnapshot snapshot, co_await raft::load_snapshot_file(disk, fmt::format("{}/{}", log_dir, raft::snapshot_file_name(*newest))));
    WEIR_CO_CHECK(replay.take_snapshot(snapshot, newest->end));
  }
  for (const std::string& name : segments) {
    WEIR_CO_TRY(const Bytes bytes, co_await runtime::read_file(disk, fmt::format("{}/{}", log_dir, name), kMetadataFileBytesMax));
    WEIR_CO_CHECK(replay.take_segment(bytes));
  }
  if (replay.finish()->features.empty()) {
    // Formatted and never started: what the first start writes into the log lies beside it.
    const std::string path = fmt::format("{}/{}", dir, raft::kBootstrapCheckpoint);
    const auto bootstrap = co_await raft::load_snapshot_file(disk, path);
    if (!bootstrap && bootstrap.error().code() != ErrorCode::kNotFound) co_return fail(bootstrap.error());
    if (bootstrap) WEIR_CO_CHECK(replay.take_snapshot(*bootstrap, replay.end));
  }
  co_return Replayed{replay.finish(), replay.control, replay.end};
}

void judge_topics(const metadata::MetadataImage& image, AdoptReport& report) {
  std::vector<std::string> compacted;
  std::vector<std::string> tiered;
  std::vector<std::string> elsewhere;
  const metadata::StaticConfig none;
  const metadata::ConfigContext context{image, none, report.node_id};
  for (const auto& [name, topic] : image.topics_by_name) {
    const metadata::ConfigMap& overrides = image.topic_config(name);
    if (effective_topic_config(context, overrides).cleanup_compact) compacted.push_back(name);
    if (const std::string* value = overrides.find("remote.storage.enable"); value != nullptr && *value == "true") tiered.push_back(name);
    for (const auto& [index, partition] : topic->partitions) {
      const bool mine = partition->replicas.size() == 1 && partition->replicas.front() == report.node_id;
      if (!mine && (elsewhere.empty() || elsewhere.back() != name)) elsewhere.push_back(name);
    }
  }
  if (!tiered.empty()) {
    report.problems.push_back({fmt::format("topics keep records in tiered storage, which is not served yet: {}", fmt::join(tiered, ", ")),
                               "switch it off with the server that made them: remote.storage.enable=false and remote.log.delete.on.disable=true"});
  }
  if (!elsewhere.empty()) {
    report.problems.push_back({fmt::format("topics have replicas on other brokers: {}", fmt::join(elsewhere, ", ")),
                               "move them to this broker with the cluster that made them (kafka-reassign-partitions.sh)"});
  }
  if (!compacted.empty()) {
    report.notes.push_back(fmt::format("compaction is not served yet: these topics grow: {}", fmt::join(compacted, ", ")));
  }
}

// What the metadata holds that Kafka acted upon and Weir only keeps.
void note_kept(const metadata::MetadataImage& image, AdoptReport& report) {
  if (image.acls.size() > 0) report.notes.push_back(fmt::format("{} ACLs are kept and not enforced: everybody may do everything", image.acls.size()));
  if (image.scram.size() > 0) report.notes.push_back(fmt::format("{} SCRAM credentials are kept and not used: there is no authentication yet", image.scram.size()));
  if (image.quotas.size() > 0) report.notes.push_back(fmt::format("{} client quotas are kept and not enforced", image.quotas.size()));
  if (image.topic(kTransactionsTopic) != nullptr) report.notes.push_back("transactional ids are kept; transactions are not served yet");
  if (image.topic(kShareStateTopic) != nullptr) report.notes.push_back("share groups are kept and not served yet");
}

}  // namespace

Task<Result<void>> inspect_metadata(runtime::Environment& environment, std::string dir, Uuid directory_id, AdoptReport* report) {
  const Result<Replayed> replayed = co_await replay(environment.disk, dir);
  if (!replayed) {
    if (replayed.error().code() != ErrorCode::kUnsupportedVersion) co_return fail(replayed.error().within("the metadata log cannot be read"));
    report->problems.push_back({fmt::format("the metadata log holds records of a newer server: {}", replayed.error().message()),
                                "keep the server that wrote it"});
    co_return Result<void>();
  }
  const metadata::MetadataImage& image = *replayed->image;
  report->kraft_version = replayed->control.kraft_version;
  report->metadata_end = replayed->end;
  report->brokers = image.brokers.size();
  report->topics_in_metadata = image.topics_by_name.size();
  for (const auto& [name, level] : image.features) report->features.emplace_back(name, level);
  if (const Result<void> served = metadata::check_features(image); !served) {
    const std::string text = served.error().message();
    const size_t line = text.find('\n');
    report->problems.push_back({text.substr(0, line), line == std::string::npos ? std::string() : text.substr(line + 1)});
  }
  WEIR_CO_TRY(const raft::ElectionState election, co_await raft::read_quorum_state(environment.disk, fmt::format("{}/{}", dir, kMetadataLogName)));
  size_t others = 0;
  for (const raft::Voter& voter : replayed->control.voters) others += voter.id != report->node_id || voter.directory_id != directory_id ? 1 : 0;
  for (const BrokerId voter : election.voters) others += voter != report->node_id ? 1 : 0;
  if (others > 0) {
    report->problems.push_back({fmt::format("the metadata quorum has {} voters that are not this node; this version of Weir serves a quorum of one", others),
                                "remove them with the server that made the quorum (kafka-metadata-quorum.sh remove-controller)"});
  }
  judge_topics(image, *report);
  note_kept(image, *report);
  co_return Result<void>();
}

}  // namespace weir::node
