// Runs one test body on both implementations of the seams, so that the simulated world cannot drift from the real one.
//
//   TEST_P(DiskConformance, reads_what_was_written) { run(body); }     // Task<void> body(Environment env, std::string dir)
//   INSTANTIATE_TEST_SUITE_P(Seams, DiskConformance, conformance_places(), conformance_name);
//
// `dir` is an empty directory of the test's own.
#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "weir/runtime/real/process.h"
#include "weir/runtime/sim/world.h"

namespace weir::runtime {

enum class ConformancePlace { kReal, kSim };

using ConformanceBody = Task<void> (*)(Environment env, std::string dir);

class Conformance : public testing::TestWithParam<ConformancePlace> {
 protected:
  void run(ConformanceBody body) {
    if (GetParam() == ConformancePlace::kReal) run_real(body);
    else run_sim(body);
  }

 private:
  static void run_real(ConformanceBody body) {
    std::string dir = testing::TempDir() + "weir-conformance-XXXXXX";
    ASSERT_NE(::mkdtemp(dir.data()), nullptr);
    RealProcess process;
    process.run(
        [](Environment& env, ConformanceBody body, std::string dir) -> Task<int> {
          co_await body(env, dir);
          const Result<void> removed = co_await env.disk.remove_all(dir);
          EXPECT_TRUE(removed);
          co_return 0;
        },
        body, dir);
  }
  static void run_sim(ConformanceBody body) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(fmt::format("seed {}", seed));
      SimWorld world(seed);
      SimNode& node = world.add_node("localhost");
      world.run(node, make_dir_and(body, node.environment()));
    }
  }
  static Task<void> make_dir_and(ConformanceBody body, Environment env) {
    const Result<void> made = co_await env.disk.create_directories("/conformance");
    EXPECT_TRUE(made);
    co_await body(env, "/conformance");
  }
};

inline auto conformance_places() { return testing::Values(ConformancePlace::kReal, ConformancePlace::kSim); }
inline std::string conformance_name(const testing::TestParamInfo<ConformancePlace>& info) {
  return info.param == ConformancePlace::kReal ? "real" : "sim";
}

}  // namespace weir::runtime
