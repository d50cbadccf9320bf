#include "weir/server/handler_table.h"

#include <array>

#include "weir/protocol/alter_configs.h"
#include "weir/protocol/api_versions.h"
#include "weir/protocol/create_acls.h"
#include "weir/protocol/create_partitions.h"
#include "weir/protocol/create_topics.h"
#include "weir/protocol/delete_acls.h"
#include "weir/protocol/delete_groups.h"
#include "weir/protocol/delete_records.h"
#include "weir/protocol/delete_topics.h"
#include "weir/protocol/describe_acls.h"
#include "weir/protocol/describe_cluster.h"
#include "weir/protocol/describe_configs.h"
#include "weir/protocol/describe_groups.h"
#include "weir/protocol/describe_log_dirs.h"
#include "weir/protocol/describe_producers.h"
#include "weir/protocol/describe_quorum.h"
#include "weir/protocol/describe_topic_partitions.h"
#include "weir/protocol/fetch.h"
#include "weir/protocol/find_coordinator.h"
#include "weir/protocol/frame.h"
#include "weir/protocol/heartbeat.h"
#include "weir/protocol/incremental_alter_configs.h"
#include "weir/protocol/init_producer_id.h"
#include "weir/protocol/join_group.h"
#include "weir/protocol/leave_group.h"
#include "weir/protocol/list_config_resources.h"
#include "weir/protocol/list_groups.h"
#include "weir/protocol/list_offsets.h"
#include "weir/protocol/list_partition_reassignments.h"
#include "weir/protocol/metadata.h"
#include "weir/protocol/offset_commit.h"
#include "weir/protocol/offset_delete.h"
#include "weir/protocol/offset_fetch.h"
#include "weir/protocol/offset_for_leader_epoch.h"
#include "weir/protocol/produce.h"
#include "weir/protocol/sync_group.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

template <typename RequestMessage, auto kHandler>
Task<Result<Answer>> serve(HandlerContext& context, const Request& request) {
  Result<RequestMessage> message = request.info.is_version_unknown ? Result<RequestMessage>()
                                                                       : protocol::decode<RequestMessage>(request.body, request.info.version);
  if (!message) co_return fail(message.error());
  const typename RequestMessage::Response response = co_await kHandler(context, *message);
  Answer answer;
  answer.close_connection = context.must_close_connection();
  if (context.response_suppressed()) co_return answer;
  WEIR_CO_TRY(protocol::FrameWriter frame, protocol::write_response(response, request.info.version, request.correlation_id));
  answer.parts = std::move(frame).take_parts();
  for (const protocol::FramePart& part : answer.parts) answer.bytes_in_memory += part.bytes.size();
  co_return answer;
}

constexpr auto make_table() {
  std::array<HandlerRow, protocol::kApiKeysEnd> rows{};
#define WEIR_HANDLER(Name, function) \
  rows[static_cast<size_t>(protocol::ApiKey::k##Name)] = {&serve<protocol::Name##Request, &function>};
  WEIR_HANDLER(Produce, produce)
  WEIR_HANDLER(Fetch, fetch)
  WEIR_HANDLER(ListOffsets, list_offsets)
  WEIR_HANDLER(Metadata, metadata)
  WEIR_HANDLER(OffsetCommit, offset_commit)
  WEIR_HANDLER(OffsetFetch, offset_fetch)
  WEIR_HANDLER(FindCoordinator, find_coordinator)
  WEIR_HANDLER(JoinGroup, join_group)
  WEIR_HANDLER(Heartbeat, heartbeat)
  WEIR_HANDLER(LeaveGroup, leave_group)
  WEIR_HANDLER(SyncGroup, sync_group)
  WEIR_HANDLER(DescribeGroups, describe_groups)
  WEIR_HANDLER(ListGroups, list_groups)
  WEIR_HANDLER(ApiVersions, api_versions)
  WEIR_HANDLER(CreateTopics, create_topics)
  WEIR_HANDLER(DeleteTopics, delete_topics)
  WEIR_HANDLER(DeleteRecords, delete_records)
  WEIR_HANDLER(InitProducerId, init_producer_id)
  WEIR_HANDLER(OffsetForLeaderEpoch, offset_for_leader_epoch)
  WEIR_HANDLER(DescribeAcls, describe_acls)
  WEIR_HANDLER(CreateAcls, create_acls)
  WEIR_HANDLER(DeleteAcls, delete_acls)
  WEIR_HANDLER(DescribeConfigs, describe_configs)
  WEIR_HANDLER(AlterConfigs, alter_configs)
  WEIR_HANDLER(DescribeLogDirs, describe_log_dirs)
  WEIR_HANDLER(CreatePartitions, create_partitions)
  WEIR_HANDLER(DeleteGroups, delete_groups)
  WEIR_HANDLER(IncrementalAlterConfigs, incremental_alter_configs)
  WEIR_HANDLER(ListPartitionReassignments, list_partition_reassignments)
  WEIR_HANDLER(OffsetDelete, offset_delete)
  WEIR_HANDLER(DescribeQuorum, describe_quorum)
  WEIR_HANDLER(DescribeCluster, describe_cluster)
  WEIR_HANDLER(DescribeProducers, describe_producers)
  WEIR_HANDLER(ListConfigResources, list_config_resources)
  WEIR_HANDLER(DescribeTopicPartitions, describe_topic_partitions)
#undef WEIR_HANDLER
  return rows;
}

constexpr auto kTable = make_table();

constexpr bool is_what_is_announced() {
  for (const protocol::ApiInfo& api : protocol::kApis) {
    const bool has_row = kTable[static_cast<size_t>(api.key)].serve != nullptr;
    if (has_row == api.served.empty()) return false;
  }
  return true;
}
static_assert(is_what_is_announced(), "an API is in served.txt and not in the table, or the reverse");

}  // namespace

const HandlerRow* find_handler(int16_t api_key) {
  if (api_key < 0 || static_cast<size_t>(api_key) >= kTable.size()) return nullptr;
  const HandlerRow& row = kTable[static_cast<size_t>(api_key)];
  return row.serve == nullptr ? nullptr : &row;
}

}  // namespace weir::server
