// What every part of a simulated world shares: the instant, the agenda, the seed and its streams, the trace.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "weir/base/prng.h"
#include "weir/runtime/sim/agenda.h"
#include "weir/runtime/sim/options.h"
#include "weir/runtime/sim/trace.h"

namespace weir::runtime {

// A stream of its own for each (who, purpose): a draw more in one never shifts another.
inline Prng sim_stream(uint64_t seed, std::string_view who, std::string_view purpose) {
  Fingerprint mixed;
  mixed.add(seed);
  mixed.add(who);
  mixed.add(purpose);
  return Prng(mixed.value());
}

inline bool chance_ppm(Prng& prng, uint32_t ppm) { return ppm != 0 && prng.below(1'000'000) < ppm; }

// At least `least`, with an exponential tail of mean `mean` above it.
Duration sample_delay(Prng& prng, Duration least, Duration mean);

class SimCore {
 public:
  SimCore(uint64_t seed, const SimOptions& options) : seed(seed), options(options), agenda(sim_stream(seed, "world", "ties")) {}

  Prng stream(std::string_view who, std::string_view purpose) const { return sim_stream(seed, who, purpose); }
  void plan_in(Occurrence& occurrence, Duration delay) { agenda.plan(occurrence, now + delay); }

  // Every event goes through here: into the fingerprint, and to the sink when there is one.
  void note(SimEvent event, int32_t node, int64_t a = 0, int64_t b = 0);
  void log_line(int32_t node, std::string_view line);
  // Marks a point that a good set of seeds must reach ("a torn tail was cut off").
  void reached(std::string_view point);

  const uint64_t seed;
  SimOptions options;
  MonoTime now;
  Agenda agenda;
  Fingerprint fingerprint;
  uint64_t events = 0;
  SimTraceSink* sink = nullptr;
  std::vector<std::string> node_names;
  std::map<std::string, uint64_t, std::less<>> points;
};

}  // namespace weir::runtime
