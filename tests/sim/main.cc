// weir_sim: runs scenarios of the simulator over seeds, reports what was reached, and replays one seed.
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "scenario.h"

namespace weir::sim {
namespace {

constexpr uint64_t kSeedsDefault = 200;
constexpr uint64_t kRepeatEvery = 100;  // seeds are run twice this often, and must give one fingerprint
constexpr uint64_t kFailuresShownMax = 10;
constexpr double kReportSeconds = 10;

constexpr const char* kUsage =
    R"(usage: weir_sim [--seed N | --seeds N [--from M]] [--scenario NAME] [--planted BUG] [--reach] [--trace] [--fingerprints]
       weir_sim --list

  --seed N         one seed: runs it, prints its fingerprint
  --seeds N        N seeds (200), from --from M (1)
  --scenario NAME  one scenario; without it, all but those marked "only by name" in the list
  --planted BUG    builds a known bug in and expects to find it: succeeds when one of the seeds does
  --reach          fails, too, when the seeds did not reach every point of the scenario
  --trace          prints every event of the run
  --fingerprints   prints the fingerprint of every seed
  --list           scenarios, their bugs, and the points that seeds must reach
)";

struct Options {
  uint64_t from = 1;
  uint64_t seeds = kSeedsDefault;
  bool single = false;
  std::string_view scenario;
  std::string_view planted;
  bool reach = false;
  bool trace = false;
  bool fingerprints = false;
  bool list = false;
};

class PrintTrace final : public runtime::SimTraceSink {
 public:
  void event(MonoTime when, std::string_view node, runtime::SimEvent event, int64_t a, int64_t b) override {
    if (event == runtime::SimEvent::kLog) return;  // its line follows
    fmt::print("{:14.6f} {:<10} {:<10} {} {}\n", seconds(when), node, runtime::name_of(event), a, b);
  }
  void line(MonoTime when, std::string_view node, std::string_view text) override {
    fmt::print("{:14.6f} {:<10} {:<10} {}\n", seconds(when), node, "log", text);
  }

 private:
  static double seconds(MonoTime when) { return static_cast<double>(when.ns) / 1e9; }
};

// The run under way, for the handler of SIGABRT: an assertion of the code under test ends the process, and the seed with it.
char current_run[256];

void on_abort(int) {
  constexpr char kHead[] = "weir_sim: the run ended here; replay it with\n  ";
  [[maybe_unused]] ssize_t ignored = write(STDERR_FILENO, kHead, sizeof kHead - 1);
  ignored = write(STDERR_FILENO, current_run, std::strlen(current_run));
  ignored = write(STDERR_FILENO, "\n", 1);
  std::signal(SIGABRT, SIG_DFL);
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string replay_line(const Scenario& scenario, const Options& options, uint64_t seed) {
  std::string line = fmt::format("./dev sim --seed {} --scenario {}", seed, scenario.name);
  if (!options.planted.empty()) line += fmt::format(" --planted {}", options.planted);
  return line;
}

struct Totals {
  uint64_t runs = 0;
  uint64_t failures = 0;
  uint64_t acknowledged = 0;
  uint64_t events = 0;
  double simulated_seconds = 0;
  std::map<std::string, uint64_t, std::less<>> points;
};

RunReport run_one(const Scenario& scenario, const Options& options, uint64_t seed, runtime::SimTraceSink* sink) {
  const std::string line = replay_line(scenario, options, seed);
  std::strncpy(current_run, line.c_str(), sizeof current_run - 1);
  return scenario.run({seed, options.planted, sink});
}

void add(Totals& totals, const RunReport& report) {
  ++totals.runs;
  totals.acknowledged += report.acknowledged;
  totals.events += report.events;
  totals.simulated_seconds += static_cast<double>(report.simulated.count()) / 1e9;
  for (const auto& [point, count] : report.points) totals.points[point] += count;
}

void show(const Scenario& scenario, const Totals& totals, double cpu) {
  fmt::print("{}: {} seeds, {} failed; {:.2f} simulated hours in {:.1f} CPU s ({:.0f}x); {} acknowledged, {} events\n",
             scenario.name, totals.runs, totals.failures, totals.simulated_seconds / 3600, cpu,
             totals.simulated_seconds / std::max(cpu, 1e-3), totals.acknowledged, totals.events);
  std::fflush(stdout);
}

// Whether each was reached.
bool show_points(const Scenario& scenario, const Totals& totals) {
  bool all = true;
  for (const std::string_view point : scenario.points) {
    const auto at = totals.points.find(point);
    const uint64_t count = at == totals.points.end() ? 0 : at->second;
    all = all && count > 0;
    fmt::print("  {:>8}  {}\n", count, point);
  }
  return all;
}

// False when something is wrong: a violation, or, with a planted bug, none.
bool run_scenario(const Scenario& scenario, const Options& options) {
  Totals totals;
  PrintTrace trace;
  const double begin = cpu_seconds();
  double last_shown = begin;
  for (uint64_t seed = options.from; seed < options.from + options.seeds; ++seed) {
    const RunReport report = run_one(scenario, options, seed, options.trace ? &trace : nullptr);
    add(totals, report);
    if (options.fingerprints || options.single)
      fmt::print("{} seed {} fingerprint {:016x}\n", scenario.name, seed, report.fingerprint);
    if (seed % kRepeatEvery == 0 && run_one(scenario, options, seed, nullptr).fingerprint != report.fingerprint) {
      ++totals.failures;
      fmt::print("{}: seed {} gave two fingerprints: something other than the seed decides\n  {}\n", scenario.name, seed,
                 replay_line(scenario, options, seed));
    }
    if (report.violation) {
      ++totals.failures;
      fmt::print("{}: {}: {}\n  {}\n", scenario.name, report.violation->checker, report.violation->message,
                 replay_line(scenario, options, seed));
      if (!options.planted.empty() || totals.failures >= kFailuresShownMax) break;
    }
    if (cpu_seconds() - last_shown > kReportSeconds) {
      last_shown = cpu_seconds();
      show(scenario, totals, last_shown - begin);
    }
  }
  show(scenario, totals, cpu_seconds() - begin);
  if (options.planted.empty()) {
    const bool reached = options.single || show_points(scenario, totals);
    if (options.reach && !reached) fmt::print("{}: the seeds did not reach every point\n", scenario.name);
    return totals.failures == 0 && (reached || !options.reach);
  }
  if (totals.failures == 0) fmt::print("{}: the planted bug {} was not found\n", scenario.name, options.planted);
  return totals.failures > 0;
}

void list() {
  for (const Scenario& scenario : scenarios()) {
    fmt::print("{}: {}\n", scenario.name, scenario.property);
    for (const std::string_view bug : scenario.planted_bugs) fmt::print("  --planted {}\n", bug);
    for (const std::string_view point : scenario.points) fmt::print("  reaches \"{}\"\n", point);
  }
}

bool parse(int count, char** words, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const auto value = [&]() -> const char* { return i + 1 < count ? words[++i] : nullptr; };
    const auto number = [&](uint64_t& into) {
      const char* text = value();
      char* end = nullptr;
      if (text == nullptr || *text < '0' || *text > '9') return false;
      into = std::strtoull(text, &end, 10);
      return *end == 0;
    };
    const auto name = [&](std::string_view& into) {
      const char* text = value();
      if (text != nullptr) into = text;
      return text != nullptr;
    };
    bool good = true;
    if (word == "--seed")
      options.single = true, good = number(options.from), options.seeds = 1;
    else if (word == "--seeds")
      good = number(options.seeds);
    else if (word == "--from")
      good = number(options.from);
    else if (word == "--scenario")
      good = name(options.scenario);
    else if (word == "--planted")
      good = name(options.planted);
    else if (word == "--reach")
      options.reach = true;
    else if (word == "--trace")
      options.trace = true;
    else if (word == "--fingerprints")
      options.fingerprints = true;
    else if (word == "--list")
      options.list = true;
    else
      good = false;
    if (!good) return false;
  }
  return true;
}

int run(int count, char** words) {
  Options options;
  if (!parse(count, words, options)) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  if (options.list) {
    list();
    return 0;
  }
  std::signal(SIGABRT, &on_abort);
  bool any = false;
  bool good = true;
  for (const Scenario& scenario : scenarios()) {
    if (!options.scenario.empty() && options.scenario != scenario.name) continue;
    if (!options.planted.empty() &&
        std::find(scenario.planted_bugs.begin(), scenario.planted_bugs.end(), options.planted) == scenario.planted_bugs.end()) {
      continue;
    }
    any = true;
    good = run_scenario(scenario, options) && good;
  }
  if (!any) {
    fmt::print(stderr, "weir_sim: no scenario fits; `weir_sim --list` shows them\n");
    return 2;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace weir::sim

int main(int count, char** words) { return weir::sim::run(count, words); }
