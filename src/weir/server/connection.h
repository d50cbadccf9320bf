// One client connection: frames in, answers out, in the order of the requests.
//
// Produce requests that follow one another overlap, up to kProduceOverlapMax, so that a pipelining producer fills one write
// per partition and one flush round; every other request waits for those before it, and those behind it wait for it.
//
// Owner    BrokerServer (in its TaskGroup).
// Shard    one, the broker shard.
// Bounds   kProduceOverlapMax requests, kUnsentBytesMax bytes of answers; above either, no further frame is taken.
//          Services::bytes bounds all connections together: while requests use it up, a connection that has some in process, or
//          receives a large one, does not read; one whose large request finds no room for kRoomWaitMax is closed.
#pragma once

#include <memory>

#include "weir/runtime/network.h"
#include "weir/runtime/task_group.h"
#include "weir/server/context.h"
#include "weir/server/frame_reader.h"
#include "weir/server/outbox.h"
#include "weir/server/pipeline.h"
#include "weir/server/refusal_log.h"

namespace weir::server {

class Connection final : public ListHook, private runtime::Timer {
 public:
  static constexpr size_t kProduceOverlapMax = 16;
  static constexpr size_t kUnsentBytesMax = 8 * 1024 * 1024;
  static constexpr size_t kSmallFrameBytes = 64 * 1024;      // read even when the budget is used up
  static constexpr Duration kRoomWaitMax = 10s;
  static constexpr Duration kKeepBuffers = 5s;               // of a connection that nothing comes through

  Connection(Services& services, const ListenerOptions& listener, std::unique_ptr<runtime::Stream> stream, RefusalLog& refusals);

  // Serves until the peer leaves, something is wrong, no byte moves for too long, or close() is called.
  Task<void> serve();
  // Ends both directions now.
  void close();
  // Takes no further request; ends once what was taken is answered.
  void drain();

  // Gives back the buffers of a busy time once nothing came for kKeepBuffers; the owner calls it now and then.
  void shrink_if_idle();

  const runtime::Endpoint& peer() const { return stream_->peer(); }

 private:
  Task<Result<void>> take_requests();
  Task<Result<void>> read_more();
  bool must_wait_for_room() const;
  Task<Result<void>> room_to_read();
  Task<Result<void>> take_frames();
  Task<void> dispatch(Request request, size_t request_bytes);
  static Task<void> process(Connection* self, Request request, Outbox::Place* place);
  static Task<void> write_answers(Connection* self);
  void finish(Outbox::Place& place, Result<Answer> answer);
  void say_closing(const Error& why);
  void on_fire() override;
  bool may_take_more() const { return outbox_.places() < kProduceOverlapMax && outbox_.unsent_bytes() < kUnsentBytesMax; }

  Services& services_;
  const ListenerOptions& listener_;
  std::unique_ptr<runtime::Stream> stream_;
  RefusalLog& refusals_;
  FrameReader reader_;
  runtime::StopSource stop_;             // ends long polls when the connection ends
  Outbox outbox_;
  runtime::TaskGroup tasks_;
  size_t produces_in_flight_ = 0;        // being processed, all of them Produce
  BudgetShare unanswered_;               // bytes that were read, until their request is answered
  MonoTime last_active_;
  bool awaits_request_ = false;          // no buffer is lent to the stream
  bool closing_ = false;
  bool draining_ = false;
  runtime::WaitQueue room_;              // a place was freed
};

}  // namespace weir::server
