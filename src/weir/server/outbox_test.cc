#include "weir/server/outbox.h"

#include <gtest/gtest.h>

#include "weir/runtime/sim/world.h"

namespace weir::server {
namespace {

using runtime::Task;

// Takes what it is given and remembers each write.
class Memory final : public runtime::Stream {
 public:
  Task<Result<size_t>> read_some(MutableBytes, size_t) override { co_return fail(ErrorCode::kConnectionClosed); }
  Task<Result<void>> readable() override { co_return fail(ErrorCode::kConnectionClosed); }
  Task<Result<void>> write_all(std::span<const ByteView> parts, bool) override {
    std::string& write = writes.emplace_back();
    for (const ByteView part : parts) write += as_text(part);
    co_return takes ? Result<void>() : fail(ErrorCode::kConnectionClosed);
  }
  void close() override {}
  const runtime::Endpoint& peer() const override { return nowhere_; }
  const runtime::Endpoint& local() const override { return nowhere_; }

  std::vector<std::string> writes;
  bool takes = true;

 private:
  runtime::Endpoint nowhere_;
};

Answer text(std::string_view line) {
  Answer answer;
  answer.parts.push_back({SharedBytes::copy_of(as_bytes(line)), nullptr});
  answer.bytes_in_memory = line.size();
  return answer;
}

Task<void> send_until_closed(Outbox* outbox, Memory* stream, bool* closed) {
  MonoTime last_active;
  while (!*closed) *closed = co_await outbox->send_ready(*stream, last_active) == Outbox::Sent::kClose;
}

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override { node_.spawn(&send_until_closed, &outbox_, &stream_, &closed_); }
  void turn() { world_.run_for(1ms); }

  runtime::SimWorld world_{1};
  runtime::SimNode& node_ = world_.add_node("broker");
  ByteBudget budget_{1000};
  Memory stream_;
  Outbox outbox_{node_.executor(), budget_};
  bool closed_ = false;
};

// Property: answers leave in the order of their requests, whatever the order in which they become ready, and those that are ready
// together in one write. Fails when a quick answer overtakes a slow one, or each is a system call of its own.
TEST_F(OutboxTest, answers_leave_in_the_order_of_requests) {
  Outbox::Place& first = outbox_.take_place(10);
  Outbox::Place& second = outbox_.take_place(10);
  Outbox::Place& third = outbox_.take_place(10);
  outbox_.put(third, text("c"));
  outbox_.put(second, text("b"));
  turn();
  EXPECT_TRUE(stream_.writes.empty());
  EXPECT_EQ(outbox_.unsent_bytes(), 2u);
  outbox_.put(first, text("a"));
  turn();
  EXPECT_EQ(stream_.writes, std::vector<std::string>{"abc"});
  EXPECT_TRUE(outbox_.is_empty());
  EXPECT_EQ(budget_.used(), 0u);
  EXPECT_FALSE(closed_);
}

// Property: a request that cannot be answered closes the connection behind the answers before it, and nothing follows. Fails when
// it takes them along, or later answers are still sent.
TEST_F(OutboxTest, an_error_closes_behind_the_answers_before_it) {
  Outbox::Place& first = outbox_.take_place(10);
  Outbox::Place& broken = outbox_.take_place(10);
  Outbox::Place& later = outbox_.take_place(10);
  outbox_.put(later, text("c"));
  outbox_.put(broken, fail(ErrorCode::kMalformedFrame));
  outbox_.put(first, text("a"));
  turn();
  EXPECT_EQ(stream_.writes, std::vector<std::string>{"a"});
  EXPECT_TRUE(closed_);
}

// Property: a peer that takes nothing more is told by kClose, and what was on its way is no longer counted. Fails when answers that
// nobody will take stay in the budget.
TEST_F(OutboxTest, a_peer_that_is_gone_frees_the_budget) {
  stream_.takes = false;
  outbox_.put(outbox_.take_place(10), text("lost"));
  turn();
  EXPECT_TRUE(closed_);
  EXPECT_EQ(budget_.used(), 0u);
}

}  // namespace
}  // namespace weir::server
