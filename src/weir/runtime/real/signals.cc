#include "weir/runtime/real/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace weir::runtime {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

int open_signal_fd() {
  const sigset_t set = handled_signals();
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  WEIR_ASSERT(fd >= 0, errno);
  return fd;
}

}  // namespace

void block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Signals::Signals(RealLoop& loop) : watch_(loop, open_signal_fd()) {}

Task<Result<int>> Signals::next() {
  for (;;) {
    if (!watch_.is_open()) co_return fail(ErrorCode::kCancelled);
    signalfd_siginfo info;
    const ssize_t count = ::read(watch_.fd(), &info, sizeof info);
    if (count == static_cast<ssize_t>(sizeof info)) co_return static_cast<int>(info.ssi_signo);
    WEIR_ASSERT(errno == EAGAIN || errno == EINTR, errno);
    const bool open = co_await watch_.ready(FdWatch::kRead);
    if (!open) co_return fail(ErrorCode::kCancelled);
  }
}

const char* signal_name(int signal) {
  switch (signal) {
    case SIGINT: return "SIGINT";
    case SIGTERM: return "SIGTERM";
    case SIGHUP: return "SIGHUP";
    default: return "signal";
  }
}

}  // namespace weir::runtime
