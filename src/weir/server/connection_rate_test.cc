#include "weir/server/connection_rate.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

constexpr MonoTime kStart = MonoTime{} + 60min;

// Property: ten seconds' worth of connections come at once, what follows comes at the rate, and silence saves up no more than
// ten seconds again. Fails when a storm gets through, or the rate is not reached in the long run.
TEST(ConnectionRate, a_burst_then_the_rate) {
  ConnectionRate rate;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(rate.admit(kStart, 5), kStart) << i;
  MonoTime now = kStart;
  for (int i = 1; i <= 100; ++i) {
    now = rate.admit(now, 5);
    ASSERT_EQ(now, kStart + i * 200ms);
  }
  now = now + 60min;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(rate.admit(now, 5), now) << i;
  EXPECT_EQ(rate.admit(now, 5), now + 200ms);
}

// Property: listeners that ask at the same time get turns one after the other, and nobody waits longer than a second. Fails when
// the waits of a crowd add up.
TEST(ConnectionRate, nobody_waits_long) {
  ConnectionRate rate;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(rate.admit(kStart, 2), kStart);
  EXPECT_EQ(rate.admit(kStart, 2), kStart + 500ms);
  EXPECT_EQ(rate.admit(kStart, 2), kStart + 1s);
  EXPECT_EQ(rate.admit(kStart, 2), kStart + 1s);
}

// Property: a rate of 0 lets one through a second, also as the first, and a higher one works from the next connection on.
// Fails when an administrator who set 0 is locked out, or what was refused is held against him.
TEST(ConnectionRate, none_at_all) {
  ConnectionRate rate;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.admit(kStart + i * 10s, 0), kStart + i * 10s + 1s);
  EXPECT_LE(rate.admit(kStart + 20s, 1000), kStart + 21s);
  EXPECT_EQ(rate.admit(kStart + 22s, 1000), kStart + 22s);
}

// Property: Kafka's default is no limit worth the name. Fails when the largest rate overflows or makes anybody wait.
TEST(ConnectionRate, the_default) {
  ConnectionRate rate;
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(rate.admit(kStart, INT32_MAX), kStart);
}

}  // namespace
}  // namespace weir::server
