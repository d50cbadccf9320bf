// The only file that includes Boost.Asio.
#include "weir/runtime/real/loop.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <vector>

#define BOOST_ASIO_NO_DEPRECATED
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

namespace weir::runtime {
namespace {

namespace asio = boost::asio;
using IoExecutor = asio::io_context::executor_type;
using Descriptor = asio::posix::basic_stream_descriptor<IoExecutor>;

// Waits that ended sooner than this after one another come in bursts: then the reactor is asked for all that is there, so
// that a turn handles the whole burst. A lone request does not pay for that second look.
constexpr Duration kBurst = 50us;
constexpr Duration kStallLogPause = 1s;

MonoTime read_clock() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return {time.tv_sec * 1'000'000'000 + time.tv_nsec};
}

// Memory for one asynchronous operation at a time, so that waiting allocates nothing.
class OperationMemory {
 public:
  void* allocate(size_t bytes) {
    if (used_ || bytes > sizeof bytes_) return ::operator new(bytes);
    used_ = true;
    return bytes_;
  }
  void deallocate(void* memory) {
    if (memory == bytes_) used_ = false;
    else ::operator delete(memory);
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[192];
  bool used_ = false;
};

template <typename T>
struct OperationAllocator {
  using value_type = T;
  explicit OperationAllocator(OperationMemory& memory) : memory(&memory) {}
  template <typename U>
  OperationAllocator(const OperationAllocator<U>& other) : memory(other.memory) {}  // NOLINT: allocators convert
  T* allocate(size_t count) { return static_cast<T*>(memory->allocate(count * sizeof(T))); }
  void deallocate(T* at, size_t) { memory->deallocate(at); }
  friend bool operator==(const OperationAllocator&, const OperationAllocator&) = default;
  OperationMemory* memory;
};

}  // namespace

struct RealLoop::Reactor {
  struct Posted {
    std::coroutine_handle<> handle;
    ShardMessage* message = nullptr;
  };

  // Any thread.
  void mail(RealLoop& loop, Posted posted) {
    {
      const std::lock_guard lock(mutex);
      mailbox.push_back(posted);
      if (wake_up_sent) return;
      wake_up_sent = true;
    }
    asio::post(context, Delivery{&loop});
  }
  struct Delivery {
    using allocator_type = OperationAllocator<void>;
    allocator_type get_allocator() const { return allocator_type(loop->reactor_->wake_up_memory); }
    void operator()() const { loop->deliver_mail(); }
    RealLoop* loop;
  };
  void set_alarm(MonoTime when) {
    alarm = when;
    itimerspec spec{};
    spec.it_value = {when.ns / 1'000'000'000, when.ns % 1'000'000'000};
    if (when.ns <= 0) spec.it_value = {0, 1};  // zero would disarm
    WEIR_ASSERT(timerfd_settime(timer->fd(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0, when.ns);
  }
  struct Alarm final : FdWaiter {
    void on_ready(bool open) override {
      if (!open) return;
      uint64_t expirations;
      [[maybe_unused]] const ssize_t count = ::read(reactor->timer->fd(), &expirations, sizeof expirations);
      reactor->alarm = kFarFuture;
      reactor->timer->arm(FdWatch::kRead, *this);
    }
    Reactor* reactor = nullptr;
  };

  asio::io_context context{1};
  asio::executor_work_guard<IoExecutor> guard{context.get_executor()};
  std::mutex mutex;
  std::vector<Posted> mailbox;    // under mutex
  bool wake_up_sent = false;      // under mutex
  OperationMemory wake_up_memory; // of the one delivery under way
  std::vector<Posted> delivering;
  MonoTime alarm = kFarFuture;    // what the timerfd is set to
  std::unique_ptr<FdWatch> timer;
  Alarm on_alarm;
};

RealLoop::RealLoop(Logger log) : log_(log), now_(read_clock()), reactor_(std::make_unique<Reactor>()) {
  reactor_->on_alarm.reactor = reactor_.get();
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  WEIR_ASSERT(fd >= 0, errno);
  reactor_->timer = std::make_unique<FdWatch>(*this, fd);
  WEIR_ASSERT(reactor_->timer->is_open());
  reactor_->timer->arm(FdWatch::kRead, reactor_->on_alarm);
}

RealLoop::~RealLoop() {
  reactor_->on_alarm.disarm();
  reactor_->timer.reset();
  for (const Reactor::Posted& posted : reactor_->mailbox) {
    if (posted.message != nullptr) posted.message->discard();
  }
}

void RealLoop::run() {
  now_ = read_clock();
  while (!stopping_.load(std::memory_order_acquire)) {
    turn();
    wait();
  }
  stopping_.store(false, std::memory_order_relaxed);
}

void RealLoop::stop() {
  stopping_.store(true, std::memory_order_release);
  asio::post(reactor_->context, [] {});
}

void RealLoop::post(std::coroutine_handle<> handle) { reactor_->mail(*this, {.handle = handle}); }
void RealLoop::post(ShardMessage& message) { reactor_->mail(*this, {.message = &message}); }

void RealLoop::deliver_mail() {
  {
    const std::lock_guard lock(reactor_->mutex);
    reactor_->delivering.swap(reactor_->mailbox);
    reactor_->wake_up_sent = false;
  }
  for (const Reactor::Posted& posted : reactor_->delivering) {
    if (posted.message != nullptr) posted.message->deliver();
    else ready_.push(posted.handle);
  }
  reactor_->delivering.clear();
}

void RealLoop::turn() {
  ++counters_.turns;
  timers_.fire_due(now_);
  size_t steps = 0;
  do {
    while (!ready_.empty() && steps < kStepsPerTurnMax) {
      ++steps;
      ready_.pop().resume();
    }
    while (!hooks_.empty()) hooks_.pop_front().on_turn_end();
  } while (!ready_.empty() && steps < kStepsPerTurnMax);
}

void RealLoop::wait() {
  const MonoTime turn_end = read_clock();
  note_turn(turn_end - now_);
  const MonoTime earliest = timers_.earliest();
  if (!ready_.empty() || earliest <= turn_end || stopping_.load(std::memory_order_acquire)) {
    reactor_->context.poll();
    now_ = read_clock();
    return;
  }
  // The alarm is only ever moved forward in time when it rings: a timer that was disarmed costs one early wake-up later
  // instead of a system call now.
  if (earliest < reactor_->alarm) reactor_->set_alarm(earliest);
  ++counters_.waits;
  reactor_->context.run_one();
  now_ = read_clock();
  if (now_ - turn_end < kBurst) reactor_->context.poll();
}

void RealLoop::note_turn(Duration length) {
  counters_.longest_turn = std::max(counters_.longest_turn, length);
  if (length <= kStall) return;
  ++counters_.stalls;
  if (stall_logged_.ns != 0 && now_ - stall_logged_ < kStallLogPause) return;
  log_.warning("the loop was held up for {} ms by one turn ({} such turns since the last report)",
               std::chrono::duration_cast<std::chrono::milliseconds>(length).count(), counters_.stalls - stalls_logged_);
  stall_logged_ = now_;
  stalls_logged_ = counters_.stalls;
}

// Lives until the last operation of the reactor has let go of it, which may be after the watch is gone.
struct FdWatch::Core {
  struct Slot {
    FdWaiter* waiter = nullptr;
    bool under_way = false;  // the reactor was asked
    OperationMemory memory;
  };
  Core(RealLoop& loop, asio::io_context& context) : loop(loop), descriptor(context) {}
  void add_reference() { ++references; }
  void drop_reference() {
    if (--references == 0) delete this;
  }
  void start(Direction direction);
  void tell(Direction direction, bool open) {
    FdWaiter* waiter = slots[direction].waiter;
    if (waiter == nullptr) return;
    waiter->disarm();
    waiter->on_ready(open);
  }

  RealLoop& loop;
  Descriptor descriptor;
  Slot slots[2];
  int references = 1;
};

namespace {

template <typename Core, typename Direction>
struct WatchOperation {
  using allocator_type = OperationAllocator<void>;
  WatchOperation(Core& core, Direction direction) : core(&core), direction(direction) { core.add_reference(); }
  WatchOperation(WatchOperation&& other) noexcept : core(std::exchange(other.core, nullptr)), direction(other.direction) {}
  WatchOperation& operator=(WatchOperation&&) = delete;
  ~WatchOperation() {
    if (core != nullptr) core->drop_reference();
  }
  allocator_type get_allocator() const { return allocator_type(core->slots[direction].memory); }
  void operator()(const boost::system::error_code& error) {
    core->slots[direction].under_way = false;
    if (!core->descriptor.is_open()) return;  // close() told the waiter
    core->tell(direction, true);              // an error shows itself in the call that follows
  }
  Core* core;
  Direction direction;
};

}  // namespace

void FdWatch::Core::start(Direction direction) {
  slots[direction].under_way = true;
  descriptor.async_wait(direction == kRead ? Descriptor::wait_read : Descriptor::wait_write,
                        WatchOperation<Core, Direction>(*this, direction));
}

FdWatch::FdWatch(RealLoop& loop, int fd) : core_(new Core(loop, loop.reactor_->context)), fd_(fd) {
  boost::system::error_code error;
  core_->descriptor.assign(fd, error);
  if (error) {
    ::close(fd);
    fd_ = -1;
  }
}

FdWatch::~FdWatch() {
  close();
  core_->drop_reference();
}

RealLoop& FdWatch::loop() const { return core_->loop; }

void FdWatch::arm(Direction direction, FdWaiter& waiter) {
  Core::Slot& slot = core_->slots[direction];
  WEIR_ASSERT(is_open());
  WEIR_ASSERT(slot.waiter == nullptr && !waiter.is_armed());
  slot.waiter = &waiter;
  waiter.place_ = &slot.waiter;
  if (!slot.under_way) core_->start(direction);
}

void FdWatch::close() {
  if (fd_ < 0) return;
  fd_ = -1;
  boost::system::error_code ignored;
  core_->descriptor.close(ignored);
  core_->tell(kRead, false);
  core_->tell(kWrite, false);
}

int FdWatch::release() {
  WEIR_ASSERT(is_open());
  WEIR_ASSERT(core_->slots[kRead].waiter == nullptr && core_->slots[kWrite].waiter == nullptr);
  core_->descriptor.release();
  return std::exchange(fd_, -1);
}

}  // namespace weir::runtime
