// The answers of one connection, in the order of its requests, on their way out.
//
// A request takes a place when it is taken up; its answer is put there when it is ready, and leaves once every answer before it
// has left. Answers that are ready at the end of a turn leave in one gather write.
//
// Owner    Connection.
// Shard    the connection's.
// Bounds   who takes places asks `places()` and `unsent_bytes()` first
#pragma once

#include <deque>

#include "weir/runtime/network.h"
#include "weir/runtime/wait_queue.h"
#include "weir/server/byte_budget.h"
#include "weir/server/request.h"

namespace weir::server {

class Outbox final : private runtime::TurnHook {
 public:
  static constexpr size_t kPartsPerWriteMax = 1024;
  static constexpr size_t kBytesPerWriteMax = 1024 * 1024;  // between two looks at whether the peer still reads
  static constexpr size_t kIdlePartsMax = 16;               // room for so many stays while nothing is sent

  // A place in the order of answers.
  struct Place {
    std::vector<protocol::FramePart> parts;
    size_t request_bytes = 0;
    size_t bytes_in_memory = 0;
    bool ready = false;
    bool close_after = false;
  };
  enum class Sent : uint8_t { kSome, kClose };

  // Bytes of answers that are not sent are taken from `budget`.
  Outbox(runtime::Executor& executor, ByteBudget& budget) : executor_(executor), unsent_(budget) {}

  // Stays where it is until its answer is sent.
  Place& take_place(size_t request_bytes);
  // Puts the answer into its place; an error closes the connection behind the answers before it.
  void put(Place& place, Result<Answer> answer);

  size_t places() const { return places_.size(); }
  size_t unsent_bytes() const { return unsent_.bytes(); }
  bool is_empty() const { return places_.empty() && unsent_.bytes() == 0; }

  // Waits for ready answers and sends what is ready. kClose: nothing may follow, or the peer does not take it.
  // `last_active` moves with each part that the peer took.
  runtime::Task<Sent> send_ready(runtime::Stream& stream, MonoTime& last_active);
  // Ends the wait of send_ready().
  void wake() { output_.notify_all(); }
  // Gives back memory that a busy time left.
  void shrink();

 private:
  void on_turn_end() override {
    if (is_front_ready()) output_.notify_all();
  }
  // Sends the parts from `from` on that one call takes. Returns how many.
  runtime::Task<Result<size_t>> send_some(runtime::Stream& stream, size_t from);
  bool is_front_ready() const { return !places_.empty() && places_.front().ready; }

  runtime::Executor& executor_;
  std::deque<Place> places_;               // requests taken and not sent yet; stable addresses while at the ends only
  BudgetShare unsent_;                     // of answers that are ready, in memory
  std::vector<protocol::FramePart> parts_; // of the write under way
  std::vector<ByteView> views_;            // of those of one call
  bool sending_ = false;
  runtime::WaitQueue output_;              // answers are ready at the front
};

}  // namespace weir::server
