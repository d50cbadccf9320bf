// The only file that knows epoll.
#include "weir/runtime/real/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <vector>

namespace weir::runtime {
namespace {

constexpr Duration kStallLogPause = 1s;
constexpr int kEventsPerLookMax = 256;  // the rest comes with the next look

MonoTime read_clock() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return {time.tv_sec * 1'000'000'000 + time.tv_nsec};
}

}  // namespace

// One descriptor in the epoll set: registered once, for both directions, edge-triggered. Lives until the look at the kernel
// under way is over, for the kernel may just have named it.
struct FdWatch::Core {
  struct Slot {
    FdWaiter* waiter = nullptr;
    bool ready = false;  // an edge came while nobody waited
    bool over = false;   // the peer ended or the descriptor failed: a call will say so, and no further edge will come
  };
  explicit Core(RealLoop& loop) : loop(loop) {}
  void tell(Direction direction, bool open) {
    Slot& slot = slots[direction];
    FdWaiter* waiter = slot.waiter;
    slot.ready = waiter == nullptr || slot.over;
    if (waiter == nullptr) return;
    waiter->disarm();
    waiter->on_ready(open);
  }

  RealLoop& loop;
  Slot slots[2];
  bool closed = false;
  bool deferred = false;  // armed for what came before: its waiter runs with the next look
};

struct RealLoop::Reactor {
  struct Posted {
    std::coroutine_handle<> handle;
    ShardMessage* message = nullptr;
  };
  ~Reactor() {
    ::close(epoll);
    bury();
  }
  void bury() {
    for (FdWatch::Core* core : dead) delete core;
    dead.clear();
  }
  // Any thread.
  void mail(Posted posted) {
    {
      const std::lock_guard lock(mutex);
      mailbox.push_back(posted);
      if (wake_up_sent) return;
      wake_up_sent = true;
    }
    ring();
  }
  void ring() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t count = ::write(bell->fd(), &one, sizeof one);
  }
  void set_alarm(MonoTime when) {
    alarm = when;
    itimerspec spec{};
    spec.it_value = {when.ns / 1'000'000'000, when.ns % 1'000'000'000};
    if (when.ns <= 0) spec.it_value = {0, 1};  // zero would disarm
    WEIR_ASSERT(timerfd_settime(timer->fd(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0, when.ns);
  }
  // Tells waiters what the kernel has for them; sleeps until there is something when `may_wait`.
  void look(bool may_wait) {
    may_wait = may_wait && deferred.empty();
    telling.swap(deferred);
    for (FdWatch::Core* core : telling) {
      core->deferred = false;
      for (const auto direction : {FdWatch::kRead, FdWatch::kWrite}) {
        if (!core->closed && core->slots[direction].ready && core->slots[direction].waiter != nullptr) core->tell(direction, true);
      }
    }
    telling.clear();
    epoll_event events[kEventsPerLookMax];
    const int count = ::epoll_wait(epoll, events, kEventsPerLookMax, may_wait ? -1 : 0);
    for (int i = 0; i < count; ++i) note(*static_cast<FdWatch::Core*>(events[i].data.ptr), events[i].events);
    bury();
  }
  static void note(FdWatch::Core& core, uint32_t what) {
    constexpr uint32_t kOver = EPOLLHUP | EPOLLERR;
    // A peer that only stopped sending still receives.
    if ((what & (kOver | EPOLLRDHUP)) != 0) core.slots[FdWatch::kRead].over = true;
    if ((what & kOver) != 0) core.slots[FdWatch::kWrite].over = true;
    if (!core.closed && (what & (EPOLLIN | EPOLLRDHUP | kOver)) != 0) core.tell(FdWatch::kRead, true);
    if (!core.closed && (what & (EPOLLOUT | kOver)) != 0) core.tell(FdWatch::kWrite, true);
  }
  // The timer and the bell are never read: each expiry and each ring is a new edge.
  struct Alarm final : FdWaiter {
    void on_ready(bool open) override {
      if (!open) return;
      reactor->alarm = kFarFuture;
      reactor->timer->arm(FdWatch::kRead, *this);
    }
    Reactor* reactor = nullptr;
  };
  struct Bell final : FdWaiter {
    void on_ready(bool open) override {
      if (!open) return;
      loop->deliver_mail();
      loop->reactor_->bell->arm(FdWatch::kRead, *this);
    }
    RealLoop* loop = nullptr;
  };

  int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::mutex mutex;
  std::vector<Posted> mailbox;            // under mutex
  bool wake_up_sent = false;              // under mutex
  std::vector<Posted> delivering;
  std::vector<FdWatch::Core*> deferred;
  std::vector<FdWatch::Core*> telling;
  std::vector<FdWatch::Core*> dead;       // of watches that were destroyed since the last look
  MonoTime alarm = kFarFuture;            // what the timerfd is set to
  std::unique_ptr<FdWatch> timer;
  std::unique_ptr<FdWatch> bell;
  Alarm on_alarm;
  Bell on_bell;
};

RealLoop::RealLoop(Logger log) : log_(log), now_(read_clock()), reactor_(std::make_unique<Reactor>()) {
  reactor_->on_alarm.reactor = reactor_.get();
  reactor_->on_bell.loop = this;
  WEIR_ASSERT(reactor_->epoll >= 0, errno);
  reactor_->timer = std::make_unique<FdWatch>(*this, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  reactor_->bell = std::make_unique<FdWatch>(*this, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  WEIR_ASSERT(reactor_->timer->is_open() && reactor_->bell->is_open());
  reactor_->timer->arm(FdWatch::kRead, reactor_->on_alarm);
  reactor_->bell->arm(FdWatch::kRead, reactor_->on_bell);
}

RealLoop::~RealLoop() {
  reactor_->on_alarm.disarm();
  reactor_->on_bell.disarm();
  reactor_->timer.reset();
  reactor_->bell.reset();
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
  reactor_->ring();
}

void RealLoop::post(std::coroutine_handle<> handle) { reactor_->mail({.handle = handle}); }
void RealLoop::post(ShardMessage& message) { reactor_->mail({.message = &message}); }

void RealLoop::deliver_mail() {
  {
    const std::lock_guard lock(reactor_->mutex);
    reactor_->delivering.swap(reactor_->mailbox);
    reactor_->wake_up_sent = false;
  }
  for (const Reactor::Posted& posted : reactor_->delivering) {
    if (posted.message != nullptr) posted.message->deliver();
    else queue_.schedule(posted.handle);
  }
  reactor_->delivering.clear();
}

void RealLoop::turn() {
  ++counters_.turns;
  timers_.fire_due(now_);
  queue_.run(kStepsPerTurnMax);
}

void RealLoop::wait() {
  const MonoTime turn_end = read_clock();
  note_turn(turn_end - now_);
  const MonoTime earliest = timers_.earliest();
  const bool may_wait = queue_.empty() && earliest > turn_end && !stopping_.load(std::memory_order_acquire);
  if (may_wait) {
    // The alarm is only ever moved forward in time when it rings: a timer that was disarmed costs one early wake-up later
    // instead of a system call now.
    if (earliest < reactor_->alarm) reactor_->set_alarm(earliest);
    ++counters_.waits;
  }
  reactor_->look(may_wait);
  now_ = read_clock();
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

FdWatch::FdWatch(RealLoop& loop, int fd) : core_(new Core(loop)), fd_(fd) {
  // Both directions at once and for good: arming is no system call.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = core_;
  if (::epoll_ctl(loop.reactor_->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    ::close(fd);
    fd_ = -1;
    core_->closed = true;
  }
}

FdWatch::~FdWatch() {
  close();
  std::erase(core_->loop.reactor_->deferred, core_);
  core_->loop.reactor_->dead.push_back(core_);
}

RealLoop& FdWatch::loop() const { return core_->loop; }

void FdWatch::arm(Direction direction, FdWaiter& waiter) {
  Core::Slot& slot = core_->slots[direction];
  WEIR_ASSERT(is_open());
  WEIR_ASSERT(slot.waiter == nullptr && !waiter.is_armed());
  slot.waiter = &waiter;
  waiter.place_ = &slot.waiter;
  if (slot.ready && !core_->deferred) {
    core_->deferred = true;
    core_->loop.reactor_->deferred.push_back(core_);
  }
}

void FdWatch::close() {
  if (fd_ < 0) return;
  ::close(std::exchange(fd_, -1));
  core_->closed = true;
  core_->tell(kRead, false);
  core_->tell(kWrite, false);
}

int FdWatch::release() {
  WEIR_ASSERT(is_open());
  WEIR_ASSERT(core_->slots[kRead].waiter == nullptr && core_->slots[kWrite].waiter == nullptr);
  ::epoll_ctl(core_->loop.reactor_->epoll, EPOLL_CTL_DEL, fd_, nullptr);
  core_->closed = true;
  return std::exchange(fd_, -1);
}

}  // namespace weir::runtime
