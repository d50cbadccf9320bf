// One client connection: frames in, answers out, in the order of the requests.
//
// Produce requests that follow one another overlap, up to kProduceOverlapMax, so that a pipelining producer fills one write
// per partition and one flush round; every other request waits for those before it, and those behind it wait for it.
// Answers that are ready at the end of a turn leave in one gather write.
//
// Owner    BrokerServer (in its TaskGroup).
// Shard    one, the broker shard.
// Bounds   kProduceOverlapMax requests, kUnsentBytesMax bytes of answers; above either, no further frame is taken.
//          Services::bytes bounds all connections together: while requests use it up, a connection that has some in process, or
//          receives a large one, does not read; one whose large request finds no room for kRoomWaitMax is closed.
#pragma once

#include <deque>
#include <memory>

#include "weir/runtime/network.h"
#include "weir/runtime/task_group.h"
#include "weir/server/frame_reader.h"
#include "weir/server/pipeline.h"

namespace weir::server {

class Connection final : public ListHook, private runtime::Timer {
 public:
  static constexpr size_t kProduceOverlapMax = 16;
  static constexpr size_t kUnsentBytesMax = 8 * 1024 * 1024;
  static constexpr size_t kSlicesPerWriteMax = 1024;
  static constexpr size_t kSmallFrameBytes = 64 * 1024;      // read even when the budget is used up
  static constexpr Duration kRoomWaitMax = 10s;
  static constexpr size_t kBytesPerWriteMax = 1024 * 1024;  // between two looks at whether the peer still reads

  Connection(Services& services, const ListenerOptions& listener, std::unique_ptr<runtime::Stream> stream);
  ~Connection();

  // Serves until the peer leaves, something is wrong, no byte moves for too long, or close() is called.
  Task<void> serve();
  // Ends both directions now.
  void close();
  // Takes no further request; ends once what was taken is answered.
  void drain();

  const runtime::Endpoint& peer() const { return stream_->peer(); }

 private:
  struct TurnEnd final : runtime::TurnHook {
    explicit TurnEnd(Connection& connection) : connection(connection) {}
    void on_turn_end() override { connection.send_ready_answers(); }
    Connection& connection;
  };
  // A place in the order of answers.
  struct Slot {
    std::vector<SharedBytes> slices;
    size_t request_bytes = 0;
    size_t bytes = 0;
    bool ready = false;
    bool close_after = false;
  };

  Task<void> take_frames();
  bool must_wait_for_room() const;
  Task<Result<void>> room_to_read();
  Task<void> dispatch(Request request, size_t request_bytes);
  static Task<void> process(Connection* self, Request request, Slot* slot);
  static Task<void> write_answers(Connection* self);
  void finish(Slot& slot, Result<Answer> answer, const Request& request);
  void send_ready_answers();
  void on_fire() override;
  bool may_take_more() const { return slots_.size() < kProduceOverlapMax && unsent_bytes_ < kUnsentBytesMax; }

  Services& services_;
  const ListenerOptions& listener_;
  std::unique_ptr<runtime::Stream> stream_;
  FrameReader reader_;
  runtime::StopSource stop_;             // ends long polls when the connection ends
  TurnEnd turn_end_{*this};
  runtime::TaskGroup tasks_;
  std::deque<Slot> slots_;               // requests taken and not sent yet; stable addresses while at the ends only
  size_t produces_in_flight_ = 0;        // being processed, all of them Produce
  size_t unanswered_bytes_ = 0;          // taken from the budget of requests
  size_t unsent_bytes_ = 0;              // taken from the budget of answers
  MonoTime last_active_;
  bool closing_ = false;
  bool draining_ = false;
  runtime::WaitQueue room_;              // a slot was freed
  runtime::WaitQueue output_;            // answers are ready at the front
};

}  // namespace weir::server
