// DescribeLogDirs 1-5: the log directories of this broker, what each partition takes there, and the space on the disk.
//   Null topics: all. A directory that failed: KAFKA_STORAGE_ERROR. 4+ total and usable bytes.
#include <map>
#include <set>

#include "weir/protocol/describe_log_dirs.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;
using TopicRow = DescribeLogDirsResponse::DescribeLogDirsTopic;
using PartitionRow = DescribeLogDirsResponse::DescribeLogDirsPartition;

std::optional<std::set<storage::TopicPartition>> wanted_partitions(const DescribeLogDirsRequest& request) {
  if (!request.topics) return std::nullopt;
  std::set<storage::TopicPartition> wanted;
  for (const auto& topic : *request.topics) {
    for (const PartitionIndex partition : topic.partitions) wanted.insert({topic.topic, partition});
  }
  return wanted;
}

}  // namespace

Task<DescribeLogDirsResponse> describe_log_dirs(HandlerContext& context, const DescribeLogDirsRequest& request) {
  Services& services = context.services();
  DescribeLogDirsResponse response;
  const std::vector<storage::DirectoryInfo> directories = services.logs.directories();
  const auto wanted = wanted_partitions(request);
  std::vector<std::map<std::string, TopicRow>> by_directory(directories.size());
  services.partitions.for_each([&](const replication::Partition& partition) {
    if (wanted && !wanted->contains(partition.name())) return;
    const size_t directory = services.logs.directory_of(partition.name().topic, partition.name().partition);
    TopicRow& topic = by_directory[directory][partition.name().topic];
    topic.name = partition.name().topic;
    PartitionRow row;
    row.partition_index = partition.name().partition;
    row.partition_size = partition.log().size_bytes();
    topic.partitions.push_back(row);
  });
  for (size_t i = 0; i < directories.size(); ++i) {
    auto& result = response.results.emplace_back();
    result.log_dir = directories[i].path;
    if (directories[i].failure) {
      result.error_code = ErrorCode::kKafkaStorageError;
      continue;
    }
    for (auto& [name, topic] : by_directory[i]) result.topics.push_back(std::move(topic));
    const Result<runtime::DiskSpace> space = co_await services.environment.disk.space(directories[i].path);
    if (space) {
      result.total_bytes = static_cast<int64_t>(space->total_bytes);
      result.usable_bytes = static_cast<int64_t>(space->usable_bytes);
    }
  }
  co_return response;
}

}  // namespace weir::server
