#include "weir/coordinator/options.h"

#include "weir/metadata/topic_config.h"

namespace weir::coordinator {

Options options_from(const metadata::StaticConfig& fixed) {
  const metadata::MetadataImage nothing;
  const metadata::ConfigContext context{nothing, fixed, kNoBroker};
  const auto number = [&](std::string_view name) { return metadata::effective_broker_number(context, name); };
  Options options;
  options.rules.initial_delay_ms = number("group.initial.rebalance.delay.ms");
  options.rules.members_max = static_cast<int32_t>(number("group.max.size"));
  options.session_min_ms = static_cast<int32_t>(number("group.min.session.timeout.ms"));
  options.session_max_ms = static_cast<int32_t>(number("group.max.session.timeout.ms"));
  options.metadata_bytes_max = static_cast<int32_t>(number("offset.metadata.max.bytes"));
  options.commit_timeout_ms = number("offsets.commit.timeout.ms");
  options.retention_ms = number("offsets.retention.minutes") * 60'000;
  options.retention_check_ms = number("offsets.retention.check.interval.ms");
  options.load_bytes = static_cast<int32_t>(number("offsets.load.buffer.size"));
  options.topic_partitions = static_cast<int32_t>(number("offsets.topic.num.partitions"));
  options.topic_replicas = static_cast<int16_t>(number("offsets.topic.replication.factor"));
  options.topic_segment_bytes = static_cast<int32_t>(number("offsets.topic.segment.bytes"));
  options.compression = static_cast<record::Compression>(number("offsets.topic.compression.codec"));
  return options;
}

}  // namespace weir::coordinator
