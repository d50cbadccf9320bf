#include "weir/metadata/metrics.h"

#include "weir/base/metric_text.h"

namespace weir::metadata {

void add_metrics(std::string& text, const MetadataImage& image, BrokerId self) {
  size_t partitions = 0;
  size_t without_leader = 0;
  for (const auto& [name, topic] : image.topics_by_name) {
    for (const auto& [index, partition] : topic->partitions) {
      ++partitions;
      if (partition->leader == kNoBroker) ++without_leader;
    }
  }
  add_metric(text, "kafka_controller_kafkacontroller_activecontrollercount", "gauge", "1 on the active controller.",
             image.controller_id == self ? 1 : 0);
  add_metric(text, "kafka_controller_kafkacontroller_globaltopiccount", "gauge", "Topics of the cluster.", image.topics_by_name.size());
  add_metric(text, "kafka_controller_kafkacontroller_globalpartitioncount", "gauge", "Partitions of the cluster.", partitions);
  add_metric(text, "kafka_controller_kafkacontroller_offlinepartitionscount", "gauge", "Partitions without a leader.", without_leader);
  add_metric(text, "kafka_controller_kafkacontroller_lastappliedrecordoffset", "gauge", "Last metadata record applied.", image.offset);
}

}  // namespace weir::metadata
