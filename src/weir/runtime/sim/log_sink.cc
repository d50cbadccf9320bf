#include "weir/runtime/sim/log_sink.h"

namespace weir::runtime {

void SimLogSink::write(LogLevel level, std::string_view module, std::string_view line) {
  if (level == LogLevel::kDebug) {  // not part of the fingerprint: a trace asks for these lines and must not change the run
    if (core_.sink != nullptr)
      core_.sink->line(core_.now, core_.node_names[static_cast<size_t>(node_)], fmt::format("debug {}: {}", module, line));
    return;
  }
  core_.log_line(node_, fmt::format("{} {}: {}", name_of(level), module, line));
}

}  // namespace weir::runtime
