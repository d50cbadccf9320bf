#include "weir/runtime/sim/core.h"

#include <cmath>

namespace weir::runtime {

std::string_view name_of(SimEvent event) {
  switch (event) {
    case SimEvent::kTurn: return "turn";
    case SimEvent::kConnect: return "connect";
    case SimEvent::kRefuse: return "refuse";
    case SimEvent::kDeliver: return "deliver";
    case SimEvent::kEnd: return "end";
    case SimEvent::kReset: return "reset";
    case SimEvent::kRead: return "read";
    case SimEvent::kWrite: return "write";
    case SimEvent::kSync: return "sync";
    case SimEvent::kTruncate: return "truncate";
    case SimEvent::kMetadata: return "metadata";
    case SimEvent::kSyncDir: return "sync-dir";
    case SimEvent::kDiskFault: return "disk-fault";
    case SimEvent::kOffload: return "offload";
    case SimEvent::kCrash: return "crash";
    case SimEvent::kRestart: return "restart";
    case SimEvent::kPause: return "pause";
    case SimEvent::kClock: return "clock";
    case SimEvent::kLink: return "link";
    case SimEvent::kLog: return "log";
    case SimEvent::kNote: return "note";
  }
  return "?";
}

Duration sample_delay(Prng& prng, Duration least, Duration mean) {
  // 1 - unit() is in (0, 1]. The logarithm of one libm and one build is always the same, which is all a seed promises.
  return least + Duration(static_cast<int64_t>(-std::log(1.0 - prng.unit()) * static_cast<double>(mean.count())));
}

void SimCore::note(SimEvent event, int32_t node, int64_t a, int64_t b) {
  ++events;
  fingerprint.add(static_cast<uint64_t>(event) << 32 | static_cast<uint32_t>(node));
  fingerprint.add(static_cast<uint64_t>(now.ns));
  fingerprint.add(static_cast<uint64_t>(a) * 31 + static_cast<uint64_t>(b));
  if (sink != nullptr) sink->event(now, node < 0 ? std::string_view("world") : node_names[node], event, a, b);
}

void SimCore::log_line(int32_t node, std::string_view line) {
  Fingerprint text;
  text.add(line);
  note(SimEvent::kLog, node, static_cast<int64_t>(line.size()), static_cast<int64_t>(text.value()));
  if (sink != nullptr) sink->line(now, node < 0 ? std::string_view("world") : node_names[node], line);
}

void SimCore::reached(std::string_view point) {
  const auto at = points.find(point);
  if (at != points.end())
    ++at->second;
  else
    points.emplace(point, 1);
}

}  // namespace weir::runtime
