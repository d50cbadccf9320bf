#include "weir/cli/bench/load.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

// Property: the ledger tells lost records from repeated ones. Fails when a record read before its acknowledgement counts as lost.
TEST(BenchLedger, lost_and_repeated) {
  Ledger ledger;
  ledger.read(0);
  ledger.acknowledge(0);
  ledger.acknowledge(1);
  ledger.acknowledge(2);
  ledger.read(2);
  ledger.read(2);
  ledger.read(3);
  EXPECT_EQ(ledger.unread(), 1u);
  const Ledger::Verdict verdict = ledger.verdict();
  EXPECT_EQ(verdict.acknowledged, 3u);
  EXPECT_EQ(verdict.lost, 1u);
  EXPECT_EQ(verdict.repeated, 1u);
  EXPECT_EQ(verdict.unasked, 1u);
  EXPECT_FALSE(verdict.holds());
}

// Property: a run of marked records ends when the ledger could not tell more of them apart. Fails when it goes on and the
// ledger is asked for a record that it has no place for.
TEST(BenchPlan, ends_with_its_numbers) {
  LoadPlan plan{.measure_from = kFarFuture, .numbers_max = 3};
  int taken = 0;
  while (plan.take(MonoTime{1})) {
    ++plan.next_number;
    ASSERT_LE(++taken, 3);
  }
  EXPECT_EQ(taken, 3);
  EXPECT_TRUE(plan.is_out_of_numbers());
}

}  // namespace
}  // namespace weir::cli
