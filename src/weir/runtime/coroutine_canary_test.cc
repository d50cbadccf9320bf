// Property: the compiler handles every coroutine form that this code base uses. Each test builds counted objects in one form,
// lets the callee finish at once and again after a suspension, and fails when an object is destroyed twice, never, or while
// it is not alive. g++ 12 fails most of them (docs/decisions/0001-clang-19.md); this file is compiled and run first.
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/runtime/manual_executor.h"

namespace weir::runtime {
namespace {

// Counts its living instances and notices use after death.
struct Counted {
  static inline int alive = 0;
  static inline int misused = 0;
  static constexpr uint64_t kAlive = 0xA11CE;

  Counted() : Counted(1) {}
  explicit Counted(int value) : value(value) { ++alive; }
  Counted(const Counted& other) : value(other.value) {
    other.check();
    ++alive;
  }
  Counted(Counted&& other) noexcept : value(other.value) {
    other.check();
    ++alive;
  }
  Counted& operator=(const Counted&) = default;
  ~Counted() {
    check();
    state = 0;
    --alive;
  }
  void check() const {
    if (state != kAlive) ++misused;
  }

  uint64_t state = kAlive;
  int value;
  std::string heap = "long enough to live outside of the object itself";
};

struct Two {
  Counted a;
  Counted b;
};
struct WithNumber {
  Counted a;
  Counted b;
  int number;
};
struct Trivial {
  int a;
  int b;
};

class CoroutineCanary : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    Counted::alive = 0;
    Counted::misused = 0;
    suspends = GetParam();
    executor = &executor_;
  }
  void TearDown() override {
    EXPECT_EQ(Counted::alive, 0);
    EXPECT_EQ(Counted::misused, 0);
  }
  int run(Task<int> task) { return executor_.run(std::move(task)); }

 public:
  static inline bool suspends = false;
  static inline ManualExecutor* executor = nullptr;

 private:
  ManualExecutor executor_;
};

struct MaybeSuspend {
  bool await_ready() const { return !CoroutineCanary::suspends; }
  void await_suspend(std::coroutine_handle<> handle) const { CoroutineCanary::executor->schedule(handle); }
  void await_resume() const {}
};

Task<int> number(int value) {
  co_await MaybeSuspend();
  co_return value;
}
Task<bool> truth(bool value) {
  co_await MaybeSuspend();
  co_return value;
}
Task<int> sum(Two two) {
  co_await MaybeSuspend();
  co_return two.a.value + two.b.value;
}
Task<int> sum_of(const Two& two) {
  co_await MaybeSuspend();
  co_return two.a.value + two.b.value;
}
Task<int> sum_if(std::optional<Two> two) {
  co_await MaybeSuspend();
  co_return two ? two->a.value + two->b.value : -1;
}
Task<int> sum_array(std::array<Counted, 2> two) {
  co_await MaybeSuspend();
  co_return two[0].value + two[1].value;
}
Task<int> sum_vector(std::vector<int> values) {
  co_await MaybeSuspend();
  int total = 0;
  for (const int value : values) total += value;
  co_return total;
}
Task<int> take(Counted one) {
  co_await MaybeSuspend();
  co_return one.value;
}
Task<int> take_pair(std::pair<Counted, Counted> pair) {
  co_await MaybeSuspend();
  co_return pair.first.value + pair.second.value;
}
Task<int> take_trivial(Trivial trivial) {
  co_await MaybeSuspend();
  co_return trivial.a + trivial.b;
}
Task<int> take_owner(std::unique_ptr<Counted> owner) {
  co_await MaybeSuspend();
  co_return owner->value;
}
template <typename Fn>
Task<int> apply(Fn fn) {
  co_await MaybeSuspend();
  co_return fn();
}
Task<int> apply_function(std::function<int()> fn) {
  co_await MaybeSuspend();
  co_return fn();
}
Task<Two> make_two() {
  co_await MaybeSuspend();
  co_return Two{Counted(1), Counted(2)};
}

TEST_P(CoroutineCanary, aggregates_as_arguments) {
  EXPECT_EQ(run([]() -> Task<int> {
              const Counted source(4);
              Counted moved(5);
              int total = co_await sum(Two{Counted(1), Counted(2)});
              total += co_await sum(Two{.a = Counted(1), .b = Counted(2)});
              total += co_await sum(Two(Counted(1), Counted(2)));
              total += co_await sum(Two{});
              total += co_await sum(Two{source, std::move(moved)});
              total += co_await sum_of(Two{Counted(1), Counted(2)});
              total += co_await sum_if(Two{Counted(1), Counted(2)});
              total += co_await sum_array(std::array<Counted, 2>{Counted(1), Counted(2)});
              co_return total;
            }()),
            3 + 3 + 3 + 2 + 9 + 3 + 3 + 3);
}

TEST_P(CoroutineCanary, capturing_lambdas_as_arguments) {
  EXPECT_EQ(run([]() -> Task<int> {
              Counted x(3);
              Counted y(4);
              int total = co_await apply([x] { return x.value; });
              total += co_await apply([x = std::move(x)] { return x.value; });
              total += co_await apply([z = Counted(5)] { return z.value; });
              total += co_await apply([y, z = Counted(1), n = 2] { return y.value + z.value + n; });
              total += co_await apply_function([y] { return y.value; });
              total += co_await [](Counted z) -> Task<int> {
                co_await MaybeSuspend();
                co_return z.value;
              }(Counted(6));
              // The lambda object lives to the end of the full expression, which is when the task is done.
              total += co_await [y]() -> Task<int> {
                co_await MaybeSuspend();
                co_return y.value;
              }();
              co_return total;
            }()),
            3 + 3 + 5 + 7 + 4 + 6 + 4);
}

TEST_P(CoroutineCanary, awaits_inside_braces) {
  EXPECT_EQ(run([]() -> Task<int> {
              WithNumber local{Counted(1), Counted(2), co_await number(3)};
              std::vector<WithNumber> all;
              all.push_back(WithNumber{Counted(1), Counted(2), co_await number(4)});
              const std::unique_ptr<WithNumber> heap(new WithNumber{Counted(1), Counted(2), co_await number(5)});
              std::vector<int> numbers{co_await number(6), co_await number(7)};
              co_return local.number + all[0].number + heap->number + numbers[0] + numbers[1];
            }()),
            3 + 4 + 5 + 6 + 7);
}

TEST_P(CoroutineCanary, initializer_lists_beside_awaits) {
  EXPECT_EQ(run([]() -> Task<int> {
              int total = co_await sum_vector({1, 2});
              total += co_await sum_vector(std::vector<int>{3, 4});
              const int more = static_cast<int>(std::vector<int>{1, 2}.size()) + co_await number(5);
              co_return total + more;
            }()),
            10 + 7);
}

TEST_P(CoroutineCanary, ordinary_arguments) {
  EXPECT_EQ(run([]() -> Task<int> {
              int total = co_await take(Counted(1));
              total += co_await take_pair(std::pair{Counted(2), Counted(3)});
              Counted local(4);
              total += co_await take(std::move(local));
              auto lambda = [held = Counted(5)] { return held.value; };
              total += co_await apply(std::move(lambda));
              total += co_await take_trivial({6, 7});
              total += co_await take_owner(std::make_unique<Counted>(8));
              const auto plain = [](Counted a, int b) -> Task<int> {
                co_await MaybeSuspend();
                co_return a.value + b;
              };
              total += co_await plain(Counted(9), 10);
              const Two two = co_await make_two();
              total += two.a.value + two.b.value;
              co_return total;
            }()),
            1 + 5 + 4 + 5 + 13 + 8 + 19 + 3);
}

TEST_P(CoroutineCanary, awaits_in_conditions) {
  EXPECT_EQ(run([]() -> Task<int> {
              int total = co_await truth(true) ? co_await number(1) : co_await number(100);
              if (co_await truth(true) && co_await truth(true)) total += 2;
              if (co_await truth(false) && co_await truth(true)) total += 100;
              if (co_await truth(true) || co_await truth(false)) total += 4;
              int rounds = 0;
              while (co_await number(rounds) < 3) ++rounds;
              for (int i = 0; i < co_await number(2); ++i) total += 8;
              switch (co_await number(5)) {
                case 5: total += 32; break;
                default: total += 100;
              }
              co_return total + rounds;
            }()),
            1 + 2 + 4 + 16 + 32 + 3);
}

TEST_P(CoroutineCanary, bindings_loops_and_exceptions) {
  EXPECT_EQ(run([]() -> Task<int> {
              const auto [a, b] = co_await make_two();
              int total = a.value + b.value;
              const std::vector<Counted> held(3, Counted(2));
              for (const Counted& each : held) total += co_await take(each);
              try {
                const Counted guard(1);
                co_await MaybeSuspend();
                throw std::runtime_error("thrown and caught within one body");
              } catch (const std::runtime_error&) {
                total += 10;
              }
              co_return total;
            }()),
            3 + 6 + 10);
}

// Property: destroying a suspended chain destroys every frame in it, locals and arguments included, once.
TEST_P(CoroutineCanary, a_suspended_chain_dies_whole) {
  ManualExecutor executor;
  WaitQueue never;
  {
    TaskGroup group(executor);
    group.spawn(
        [](ManualExecutor* executor, WaitQueue* never, Two held) -> Task<void> {
          const Counted local(1);
          const int value = co_await [](ManualExecutor* executor, WaitQueue* never, Counted inner) -> Task<int> {
            const Result<void> woken = co_await never->wait(*executor);
            co_return woken ? inner.value : 0;
          }(executor, never, Counted(2));
          EXPECT_EQ(value, -1) << "must not be reached";
        },
        &executor, &never, Two{});
    executor.run_ready();
    EXPECT_GE(Counted::alive, 4);
    EXPECT_EQ(group.size(), 1u);
  }
  EXPECT_TRUE(never.empty());
}

INSTANTIATE_TEST_SUITE_P(Callee, CoroutineCanary, testing::Values(false, true),
                         [](const testing::TestParamInfo<bool>& info) { return info.param ? "suspends" : "finishes"; });

Task<int> one() { co_return 1; }

// Property: awaiting finished tasks uses constant stack. Fails by stack overflow where symmetric transfer is not a tail call.
TEST(CoroutineStack, a_million_awaits_of_finished_tasks) {
  ManualExecutor executor;
  const int total = executor.run([]() -> Task<int> {
    int total = 0;
    for (int i = 0; i < 1'000'000; ++i) total += co_await one();
    co_return total;
  }());
  EXPECT_EQ(total, 1'000'000);
}

Task<int> depth(int left) {
  if (left == 0) co_return 0;
  const int below = co_await depth(left - 1);
  co_return below + 1;
}

// Property: a deep chain returns through all its frames without stack. 200,000 frames would need some 30 MB of it.
TEST(CoroutineStack, a_deep_chain_unwinds) {
  ManualExecutor executor;
  EXPECT_EQ(executor.run(depth(200'000)), 200'000);
}

struct PingPong {
  std::coroutine_handle<> other;
  int transfers = 0;
};

// Property: two coroutines hand control to each other two million times on one stack frame.
TEST(CoroutineStack, symmetric_transfer_between_peers) {
  constexpr int kTransfers = 2'000'000;
  struct Swap {
    PingPong& shared;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const noexcept {
      ++shared.transfers;
      return std::exchange(shared.other, self);
    }
    void await_resume() const noexcept {}
  };
  struct Start {
    PingPong& shared;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) const noexcept { shared.other = self; }
    void await_resume() const noexcept {}
  };
  ManualExecutor executor;
  PingPong shared;
  TaskGroup group(executor);
  group.spawn(
      [](PingPong* shared) -> Task<void> {
        co_await Start{*shared};
        while (shared->transfers < kTransfers) co_await Swap{*shared};
      },
      &shared);
  executor.run_ready();
  group.spawn(
      [](PingPong* shared) -> Task<void> {
        while (shared->transfers < kTransfers) co_await Swap{*shared};
      },
      &shared);
  executor.run_ready();
  EXPECT_EQ(shared.transfers, kTransfers);
}

}  // namespace
}  // namespace weir::runtime
