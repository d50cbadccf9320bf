#include "weir/client/admin_brokers.h"

#include <fmt/format.h>

#include "weir/protocol/api_versions.h"
#include "weir/protocol/describe_log_dirs.h"

namespace weir::client {

namespace {
constexpr int16_t kSoftwareVersion = 3;  // the first of ApiVersions with a name of the client, which must not be empty
}  // namespace

Task<Result<BrokerVersions>> describe_versions(ConnectionPtr broker, Patience patience) {
  WEIR_CO_TRY(const int16_t version, broker->version_of(protocol::ApiKey::kApiVersions));
  protocol::ApiVersionsRequest request;
  if (version >= kSoftwareVersion) {
    request.client_software_name = "weir";
    request.client_software_version = "1";
  }
  WEIR_CO_TRY(const auto answer, co_await broker->call(std::move(request), patience));
  if (answer.error_code != ErrorCode::kNone) co_return fail(answer.error_code);
  BrokerVersions told{.apis = answer.api_keys.size()};
  for (const auto& one : answer.finalized_features) told.features += fmt::format("{}{}={}", told.features.empty() ? "" : " ", one.name, one.max_version_level);
  co_return told;
}

Task<Result<std::vector<LogDir>>> describe_log_dirs(ConnectionPtr broker, bool with_sizes, Patience patience) {
  protocol::DescribeLogDirsRequest request;
  if (with_sizes) request.topics.reset();  // of all
  else request.topics.emplace();           // of none
  WEIR_CO_TRY(const auto answer, co_await broker->call(std::move(request), patience));
  if (answer.error_code != ErrorCode::kNone) co_return fail(answer.error_code);
  std::vector<LogDir> dirs;
  for (const auto& dir : answer.results) {
    LogDir& one = dirs.emplace_back(LogDir{dir.log_dir, dir.error_code != ErrorCode::kNone, 0, dir.total_bytes, dir.usable_bytes});
    for (const auto& topic : dir.topics) for (const auto& partition : topic.partitions) one.bytes += partition.partition_size;
  }
  co_return dirs;
}

}  // namespace weir::client
