#include "weir/base/assert.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace weir {
namespace {

struct Event {
  const char* text = nullptr;
  int64_t a = 0;
  int64_t b = 0;
};

constexpr size_t kEventsKept = 64;
thread_local std::array<Event, kEventsKept> recent_events;
thread_local size_t events_noted = 0;

}  // namespace

void note_event(const char* event, int64_t a, int64_t b) { recent_events[events_noted++ % kEventsKept] = {event, a, b}; }

void assertion_failed(std::string_view condition, std::string_view file, int line, std::string_view operands) {
  fmt::print(stderr, "\nweir: internal error: {} does not hold\n  at {}:{}\n", condition, file, line);
  if (!operands.empty()) fmt::print(stderr, "  {}\n", operands);
  const size_t kept = events_noted < kEventsKept ? events_noted : kEventsKept;
  for (size_t i = events_noted - kept; i < events_noted; ++i) {
    const Event& event = recent_events[i % kEventsKept];
    fmt::print(stderr, "  event {}: {} {} {}\n", i, event.text, event.a, event.b);
  }
  fmt::print(stderr, "  This is a defect in Weir. Please report it with these lines; the data on disk is not changed by it.\n");
  std::fflush(stderr);
  std::abort();
}

}  // namespace weir
