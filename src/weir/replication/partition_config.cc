#include "weir/replication/partition_config.h"

namespace weir::replication {
namespace {

// compression.type: "producer" keeps what the producer chose, and none has a name of its own.
std::optional<codec::Compression> compression_of(std::string_view name) {
  return name == "uncompressed" ? codec::Compression::kNone : codec::compression_named(name);
}

int level_of(const metadata::TopicConfig& config, std::optional<codec::Compression> compression) {
  if (!compression) return 0;
  switch (*compression) {
    case codec::Compression::kGzip: return config.compression_gzip_level;
    case codec::Compression::kLz4: return config.compression_lz4_level;
    case codec::Compression::kZstd: return config.compression_zstd_level;
    default: return 0;
  }
}

}  // namespace

PartitionConfig partition_config(const metadata::ConfigContext& context, const metadata::Topic& topic) {
  const metadata::TopicConfig config = effective_topic_config(context, context.image.topic_config(topic.name));
  const metadata::Partition* first = topic.partition(PartitionIndex(0));
  const size_t replicas = first == nullptr ? 1 : first->replicas.size();

  PartitionConfig result;
  result.log.segment_bytes = config.segment_bytes;
  result.log.segment_ms = config.segment_ms;
  result.log.segment_jitter_ms = config.segment_jitter_ms;
  result.log.segment_index_bytes = config.segment_index_bytes;
  result.log.index_interval_bytes = config.index_interval_bytes;
  result.log.flush_messages = config.flush_messages;
  result.log.flush_ms = config.flush_ms;
  result.log.flush_on_ack = config.flushes_on_ack(replicas);
  result.log.retention_ms = config.retention_ms;
  result.log.retention_bytes = config.retention_bytes;
  result.log.cleanup_delete = config.cleanup_delete;
  result.log.file_delete_delay_ms = config.file_delete_delay_ms;
  result.log.producer_id_expiration_ms = effective_broker_number(context, "producer.id.expiration.ms");

  result.rules.batch_bytes_max = static_cast<size_t>(config.max_message_bytes);
  result.rules.timestamp_type = config.message_timestamp_type == metadata::TimestampType::kLogAppendTime
                                    ? record::TimestampType::kLogAppendTime
                                    : record::TimestampType::kCreateTime;
  result.rules.timestamp_before_max_ms = config.message_timestamp_before_max_ms;
  result.rules.timestamp_after_max_ms = config.message_timestamp_after_max_ms;
  result.rules.keys_required = config.cleanup_compact;
  result.rules.compression = compression_of(config.compression_type);
  result.rules.compression_level = level_of(config, result.rules.compression);
  result.min_insync_replicas = config.min_insync_replicas;
  return result;
}

}  // namespace weir::replication
