#include "broker_scenario.h"
#include "group_scenario.h"
#include "journal_scenario.h"
#include "scenario.h"

namespace weir::sim {

namespace {
constexpr Scenario kScenarios[] = {
    {"journal", "acknowledged entries of a small write-ahead journal survive crashes (tests the simulator itself)", kJournalBugs,
     kJournalPoints, &run_journal},
    {"broker", "what one broker acknowledged survives crashes; offsets have no gap, no duplicate and one value for ever",
     kBrokerBugs, kBrokerPoints, &run_broker},
    {"groups", "a consumer group reads every record, keeps what it committed, and gives no partition to two members at once",
     kGroupBugs, kGroupPoints, &run_groups},
};
}  // namespace

std::span<const Scenario> scenarios() { return kScenarios; }

RunReport report_on(runtime::SimWorld& world, std::optional<Violation> violation, uint64_t acknowledged) {
  RunReport report;
  report.violation = std::move(violation);
  report.fingerprint = world.fingerprint();
  report.simulated = world.now() - MonoTime{};
  report.events = world.events();
  report.acknowledged = acknowledged;
  report.points = world.points();
  return report;
}

}  // namespace weir::sim
