// Every handler: one free function, one file, handlers/NN_name.cc. Each authorises, resolves, validates, acts, answers.
// `request` lives until the returned task is done.
#pragma once

#include "weir/protocol/api_messages.h"
#include "weir/server/context.h"

namespace weir::server {

// What the requests for access rules answer until there is an authorizer.
inline constexpr char kNoAuthorizer[] = "No authorizer is configured on this broker: access rules are neither kept nor obeyed.";

Task<protocol::ProduceResponse> produce(HandlerContext& context, const protocol::ProduceRequest& request);                    // 00
Task<protocol::FetchResponse> fetch(HandlerContext& context, const protocol::FetchRequest& request);                          // 01
Task<protocol::ListOffsetsResponse> list_offsets(HandlerContext& context, const protocol::ListOffsetsRequest& request);       // 02
Task<protocol::MetadataResponse> metadata(HandlerContext& context, const protocol::MetadataRequest& request);                 // 03
Task<protocol::OffsetCommitResponse> offset_commit(HandlerContext& context, const protocol::OffsetCommitRequest& request);    // 08
Task<protocol::OffsetFetchResponse> offset_fetch(HandlerContext& context, const protocol::OffsetFetchRequest& request);       // 09
Task<protocol::FindCoordinatorResponse> find_coordinator(HandlerContext& context, const protocol::FindCoordinatorRequest& request);  // 10
Task<protocol::JoinGroupResponse> join_group(HandlerContext& context, const protocol::JoinGroupRequest& request);             // 11
Task<protocol::HeartbeatResponse> heartbeat(HandlerContext& context, const protocol::HeartbeatRequest& request);              // 12
Task<protocol::LeaveGroupResponse> leave_group(HandlerContext& context, const protocol::LeaveGroupRequest& request);          // 13
Task<protocol::SyncGroupResponse> sync_group(HandlerContext& context, const protocol::SyncGroupRequest& request);             // 14
Task<protocol::DescribeGroupsResponse> describe_groups(HandlerContext& context, const protocol::DescribeGroupsRequest& request);  // 15
Task<protocol::ListGroupsResponse> list_groups(HandlerContext& context, const protocol::ListGroupsRequest& request);          // 16
Task<protocol::ApiVersionsResponse> api_versions(HandlerContext& context, const protocol::ApiVersionsRequest& request);       // 18
Task<protocol::CreateTopicsResponse> create_topics(HandlerContext& context, const protocol::CreateTopicsRequest& request);    // 19
Task<protocol::DeleteTopicsResponse> delete_topics(HandlerContext& context, const protocol::DeleteTopicsRequest& request);    // 20
Task<protocol::DeleteRecordsResponse> delete_records(HandlerContext& context, const protocol::DeleteRecordsRequest& request); // 21
Task<protocol::InitProducerIdResponse> init_producer_id(HandlerContext& context, const protocol::InitProducerIdRequest& request);  // 22
Task<protocol::OffsetForLeaderEpochResponse> offset_for_leader_epoch(HandlerContext& context,
                                                                    const protocol::OffsetForLeaderEpochRequest& request);    // 23
Task<protocol::DescribeAclsResponse> describe_acls(HandlerContext& context, const protocol::DescribeAclsRequest& request);    // 29
Task<protocol::CreateAclsResponse> create_acls(HandlerContext& context, const protocol::CreateAclsRequest& request);          // 30
Task<protocol::DeleteAclsResponse> delete_acls(HandlerContext& context, const protocol::DeleteAclsRequest& request);          // 31
Task<protocol::DescribeConfigsResponse> describe_configs(HandlerContext& context, const protocol::DescribeConfigsRequest& request);  // 32
Task<protocol::AlterConfigsResponse> alter_configs(HandlerContext& context, const protocol::AlterConfigsRequest& request);    // 33
Task<protocol::DescribeLogDirsResponse> describe_log_dirs(HandlerContext& context, const protocol::DescribeLogDirsRequest& request);  // 35
Task<protocol::CreatePartitionsResponse> create_partitions(HandlerContext& context, const protocol::CreatePartitionsRequest& request);  // 37
Task<protocol::DeleteGroupsResponse> delete_groups(HandlerContext& context, const protocol::DeleteGroupsRequest& request);    // 42
Task<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(HandlerContext& context,
                                                                         const protocol::IncrementalAlterConfigsRequest& request);  // 44
Task<protocol::ListPartitionReassignmentsResponse> list_partition_reassignments(
    HandlerContext& context, const protocol::ListPartitionReassignmentsRequest& request);                                     // 46
Task<protocol::OffsetDeleteResponse> offset_delete(HandlerContext& context, const protocol::OffsetDeleteRequest& request);    // 47
Task<protocol::DescribeQuorumResponse> describe_quorum(HandlerContext& context, const protocol::DescribeQuorumRequest& request);  // 55
Task<protocol::DescribeClusterResponse> describe_cluster(HandlerContext& context, const protocol::DescribeClusterRequest& request);  // 60
Task<protocol::DescribeProducersResponse> describe_producers(HandlerContext& context, const protocol::DescribeProducersRequest& request);  // 61
Task<protocol::ListConfigResourcesResponse> list_config_resources(HandlerContext& context,
                                                                 const protocol::ListConfigResourcesRequest& request);        // 74
Task<protocol::DescribeTopicPartitionsResponse> describe_topic_partitions(HandlerContext& context,
                                                                         const protocol::DescribeTopicPartitionsRequest& request);  // 75

}  // namespace weir::server
