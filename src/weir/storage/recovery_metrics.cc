#include "weir/storage/recovery_metrics.h"

#include "weir/base/metric_text.h"

namespace weir::storage {

void add_recovery_metrics(std::string& text, const LogManager& logs) {
  const std::vector<DirectoryInfo> directories = logs.directories();
  const std::vector<RecoveryLeft> left = logs.recovery_left();
  const auto family = [&](std::string_view name, std::string_view help, auto value) {
    MetricRows rows(text, name, "gauge", help);
    for (size_t i = 0; i < left.size(); ++i) rows.add(fmt::format("dir=\"{}\"", escaped_label(directories[i].path)), value(left[i]));
  };
  using Left = const RecoveryLeft&;
  family("kafka_log_logmanager_remaininglogstorecover", "Logs still to be recovered after an unclean stop.", [](Left l) { return l.logs; });
  family("kafka_log_logmanager_remainingsegmentstorecover", "Segments still to be recovered.", [](Left l) { return l.segments; });
  family("weir_log_remaining_bytes_to_recover", "Bytes still to be looked through.", [](Left l) { return l.bytes; });
}

}  // namespace weir::storage
