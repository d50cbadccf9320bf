#include "weir/metadata/format.h"

#include <fmt/format.h>

#include "weir/metadata/metadata_version.h"
#include "weir/metadata/records.h"
#include "weir/raft/snapshot.h"

namespace weir::metadata {
namespace {

using runtime::Task;
using storage::MetaProperties;

// Features at level 0 have no record: only what is fully served is published.
Result<std::vector<Bytes>> bootstrap_values() {
  std::vector<MetadataRecord> records;
  records.emplace_back(protocol::FeatureLevelRecord{"metadata.version", kMetadataVersion});
  return encode_records(records, kMetadataVersion);
}

Task<Result<void>> write_bootstrap(runtime::Environment& environment, std::string dir) {
  raft::SnapshotContent content;
  content.last_timestamp = 0;
  WEIR_CO_TRY(content.values, bootstrap_values());
  co_return co_await raft::write_snapshot_file(environment.disk, dir, std::string(raft::kBootstrapCheckpoint), std::move(content),
                                               LeaderEpoch(0), environment.clock.wall_ms());
}

Result<void> check_same(const MetaProperties& found, const FormatOptions& options, std::string_view dir) {
  if (!options.cluster_id.empty() && found.cluster_id != options.cluster_id) {
    return fail(ErrorCode::kInconsistentClusterId, fmt::format("{} is formatted for cluster {}, not {}: choose another directory",
                                                               dir, found.cluster_id, options.cluster_id));
  }
  if (found.node_id != options.node_id) {
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("{} is formatted for node.id {}, not {}: choose another directory or node.id", dir, found.node_id,
                            options.node_id));
  }
  return {};
}

}  // namespace

Task<Result<std::vector<MetaProperties>>> format(runtime::Environment& environment, std::vector<std::string> dirs,
                                                 FormatOptions options) {
  std::vector<MetaProperties> all;
  std::vector<bool> fresh;
  for (const std::string& dir : dirs) {
    WEIR_CO_CHECK(co_await environment.disk.create_directories(dir));
    WEIR_CO_TRY(const std::optional<MetaProperties> found, co_await storage::read_meta_properties(environment.disk, dir));
    fresh.push_back(!found);
    if (found) {
      WEIR_CO_CHECK(check_same(*found, options, dir));
      options.cluster_id = found->cluster_id;
    }
    all.push_back(found.value_or(MetaProperties()));
  }
  if (options.cluster_id.empty()) options.cluster_id = environment.random.uuid().text();
  for (size_t i = 0; i < dirs.size(); ++i) {
    if (!fresh[i]) continue;
    all[i] = {1, options.cluster_id, options.node_id, environment.random.uuid()};
    // meta.properties last: with it the directory counts as formatted.
    WEIR_CO_CHECK(co_await write_bootstrap(environment, dirs[i]));
    WEIR_CO_CHECK(co_await storage::write_meta_properties(environment.disk, dirs[i], all[i]));
  }
  co_return all;
}

}  // namespace weir::metadata
