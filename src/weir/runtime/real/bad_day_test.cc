// What the system answers only on a bad day. The calls below stand in front of the C library's in this test program: each does what
// that does, unless a test has asked for something else.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/runtime/event.h"
#include "weir/runtime/real/address.h"
#include "weir/runtime/real/listener.h"
#include "weir/runtime/real/process.h"
#include "weir/runtime/real/sync_line.h"

namespace {

// How many of the next calls fail, after how many good ones, and with what.
struct Failing {
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::atomic<int> error = 0;

  bool next() {
    if (bad == 0) return false;
    if (good > 0) return --good, false;
    --bad;
    errno = error;
    return true;
  }
  void set(int with, int times, int after = 0) {
    good = after;
    error = with;
    bad = times;
  }
};

constexpr const char* kTwoFaced = "two-faced.test";  // is at 127.0.0.1 and at 127.0.0.2, in that order

Failing failing_accept;
Failing failing_readdir;
Failing failing_sendfile;
Failing failing_write_back;
std::array<std::atomic<int>, 256> write_backs_begun;  // without waiting for them, by descriptor

template <typename Fn>
Fn real_call(const char* name) {
  return reinterpret_cast<Fn>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  static const auto real = real_call<int (*)(int, sockaddr*, socklen_t*, int)>("accept4");
  return failing_accept.next() ? -1 : real(fd, address, size, flags);
}
extern "C" dirent* readdir(DIR* stream) {
  static const auto real = real_call<dirent* (*)(DIR*)>("readdir");
  return failing_readdir.next() ? nullptr : real(stream);
}
extern "C" ssize_t sendfile(int to, int from, off_t* at, size_t count) noexcept {
  static const auto real = real_call<ssize_t (*)(int, int, off_t*, size_t)>("sendfile");
  return failing_sendfile.next() ? -1 : real(to, from, at, count);
}
extern "C" int sync_file_range(int fd, off64_t from, off64_t count, unsigned flags) {
  static const auto real = real_call<int (*)(int, off64_t, off64_t, unsigned)>("sync_file_range");
  if (flags == SYNC_FILE_RANGE_WRITE && fd >= 0 && static_cast<size_t>(fd) < write_backs_begun.size()) ++write_backs_begun[static_cast<size_t>(fd)];
  return failing_write_back.next() ? -1 : real(fd, from, count, flags);
}

extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** list) {
  static const auto real = real_call<int (*)(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
  if (std::strcmp(host, kTwoFaced) != 0) return real(host, service, hints, list);
  if ((hints->ai_flags & AI_NUMERICHOST) != 0) return EAI_NONAME;
  const int error = real("127.0.0.1", service, hints, list);
  return error != 0 ? error : real("127.0.0.2", service, hints, &(*list)->ai_next);
}

namespace weir::runtime {
namespace {

using testing::HasSubstr;

struct BadDay : testing::Test {
  BadDay() {
    dir = testing::TempDir() + "weir-bad-day-XXXXXX";
    EXPECT_NE(::mkdtemp(dir.data()), nullptr);
  }
  ~BadDay() override {
    for (Failing* call : {&failing_accept, &failing_readdir, &failing_sendfile, &failing_write_back}) call->set(0, 0);
    run([](Environment& env, std::string dir) -> Task<int> {
      const Result<void> removed = co_await env.disk.remove_all(dir);
      co_return removed ? 0 : 1;
    });
  }
  int run(Task<int> (*test)(Environment&, std::string dir)) { return process.run(test, dir); }

  RealProcess process;
  std::string dir;
};

Task<std::unique_ptr<File>> file_of(Environment& env, std::string path, Bytes content) {
  Result<std::unique_ptr<File>> file = co_await env.disk.open(path, OpenMode::kCreate);
  EXPECT_TRUE(file) << file.error().describe();
  const ByteView part(content);
  const Result<void> written = co_await (*file)->write_at(0, {&part, 1});
  EXPECT_TRUE(written);
  co_return std::move(*file);
}

// Property: a connection that went away while it waited (ECONNABORTED) does not leave those behind it waiting until the next one comes.
// Fails when accept waits for an edge then: the kernel has told of all of them already.
TEST_F(BadDay, a_connection_that_went_away_holds_up_nobody) {
  EXPECT_EQ(run([](Environment& env, std::string) -> Task<int> {
              const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"127.0.0.1", 0});
              TaskGroup group(env.executor);
              bool served = false;
              failing_accept.set(ECONNABORTED, 1, 1);  // the first call finds nobody, and waits
              group.spawn(
                  [](Listener* listener, bool* served) -> Task<void> {
                    const Result<std::unique_ptr<Stream>> stream = co_await listener->accept();
                    *served = stream.has_value();
                  },
                  listener->get(), &served);
              for (int i = 0; i < 3; ++i) co_await yield(env.executor);
              const Result<std::unique_ptr<Stream>> client = co_await env.network.connect((*listener)->local(), Deadline::never());
              EXPECT_TRUE(client);
              const Result<void> joined = co_await group.join(Deadline::at(env.executor.now() + 2s));
              EXPECT_TRUE(joined) << "accept waits beside a connection";
              (*listener)->close();
              const Result<void> ended = co_await group.join();
              EXPECT_TRUE(ended);
              EXPECT_EQ(failing_accept.bad, 0);
              co_return served ? 0 : 1;
            }),
            0);
}

// Property: an accept that is refused again and again says so instead of holding up the loop.
TEST_F(BadDay, an_accept_refused_for_ever_is_an_error) {
  EXPECT_EQ(run([](Environment& env, std::string) -> Task<int> {
              const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"127.0.0.1", 0});
              failing_accept.set(EPERM, 1'000'000);
              const Result<std::unique_ptr<Stream>> refused = co_await (*listener)->accept();
              EXPECT_FALSE(refused);
              EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
              EXPECT_THAT(refused.error().message(), HasSubstr("Operation not permitted"));
              EXPECT_GT(failing_accept.bad, 999'000);
              co_return 0;
            }),
            0);
}

// Property: an address that does not answer leaves time for the others of its host. Fails when the first uses up the deadline: a host
// whose IPv6 address leads nowhere is then never reached.
TEST_F(BadDay, a_silent_address_leaves_time_for_the_next) {
  EXPECT_EQ(run([](Environment& env, std::string) -> Task<int> {
              const Result<std::unique_ptr<Listener>> good = co_await env.network.listen({"127.0.0.2", 0});
              EXPECT_TRUE(good);
              const uint16_t port = (*good)->local().port;
              SocketAddress address;
              auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
              v4.sin_family = AF_INET;
              v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
              v4.sin_port = htons(port);
              address.size = sizeof v4;
              // A full backlog: the kernel drops what else comes.
              const Result<int> deaf = open_listening_socket(address, false, {.backlog = 0});
              EXPECT_TRUE(deaf) << deaf.error().describe();
              const Result<std::unique_ptr<Stream>> fills = co_await env.network.connect({"127.0.0.1", port}, Deadline::never());
              EXPECT_TRUE(fills);
              const Result<std::unique_ptr<Stream>> reached =
                  co_await env.network.connect({kTwoFaced, port}, Deadline::at(env.executor.now() + 400ms));
              EXPECT_TRUE(reached) << reached.error().describe();
              if (reached) EXPECT_EQ((*reached)->peer().host, "127.0.0.2");
              ::close(*deaf);
              co_return 0;
            }),
            0);
}

// Property: a directory that cannot be read to its end is an error and no shorter directory. Fails when readdir's null is taken for the
// end: a log would be opened without the segments that were not named.
TEST_F(BadDay, a_directory_is_read_whole_or_not) {
  EXPECT_EQ(run([](Environment& env, std::string dir) -> Task<int> {
              for (const char* name : {"/1", "/2", "/3"}) (void)co_await file_of(env, dir + name, to_bytes("x"));
              failing_readdir.set(EIO, 1, 3);
              const Result<std::vector<DirEntry>> half = co_await env.disk.list(dir);
              EXPECT_FALSE(half);
              EXPECT_EQ(half.error().code(), ErrorCode::kDiskError);
              EXPECT_THAT(half.error().message(), HasSubstr(dir));
              failing_readdir.set(EIO, 1, 1);
              const Result<void> removed = co_await env.disk.remove_all(dir);
              EXPECT_FALSE(removed);
              EXPECT_EQ(removed.error().code(), ErrorCode::kDiskError);
              const Result<std::vector<DirEntry>> whole = co_await env.disk.list(dir);
              EXPECT_TRUE(whole);
              co_return 0;
            }),
            0);
}

// Property: links that lead nowhere, or in a circle, are passed over: what somebody left in a log directory stops nobody.
TEST_F(BadDay, links_that_lead_nowhere_are_passed_over) {
  ASSERT_EQ(::symlink("nothing", (dir + "/nowhere").c_str()), 0);
  ASSERT_EQ(::symlink("circle", (dir + "/circle").c_str()), 0);
  EXPECT_EQ(run([](Environment& env, std::string dir) -> Task<int> {
              (void)co_await file_of(env, dir + "/file", to_bytes("x"));
              const Result<std::vector<DirEntry>> entries = co_await env.disk.list(dir);
              EXPECT_TRUE(entries && entries->size() == 1 && entries->front().name == "file");
              co_return 0;
            }),
            0);
}

// Property: a write that was lost during write-back fails every later sync of that file, whatever the reason, also after it was closed
// and opened again. Fails when the error is forgotten that the kernel tells only once.
TEST_F(BadDay, a_write_lost_in_write_back_fails_the_sync) {
  EXPECT_EQ(run([](Environment& env, std::string dir) -> Task<int> {
              failing_write_back.set(EDQUOT, 1);
              auto file = co_await file_of(env, dir + "/large", Bytes(kWriteBackBytes + 1));
              for (int i = 0; i < 5000 && failing_write_back.bad > 0; ++i) co_await sleep_until(env.executor, env.executor.now() + 1ms);
              EXPECT_EQ(failing_write_back.bad, 0);
              // Its answer comes to the loop a moment later.
              for (int i = 0; i < 50; ++i) co_await sleep_until(env.executor, env.executor.now() + 1ms);
              for (int i = 0; i < 2; ++i) {
                const Result<void> synced = co_await file->sync_data();
                EXPECT_FALSE(synced);
                EXPECT_EQ(synced.error().code(), ErrorCode::kNoSpace);
              }
              // Logs close files that they use no more, and open them again to sync them.
              file.reset();
              file = co_await file_of(env, dir + "/large", to_bytes("x"));
              const Result<void> opened_again = co_await file->sync_data();
              EXPECT_FALSE(opened_again);
              // Another file of that name, perhaps with that inode, has lost nothing.
              file.reset();
              const Result<void> removed = co_await env.disk.remove(dir + "/large");
              EXPECT_TRUE(removed);
              file = co_await file_of(env, dir + "/large", to_bytes("x"));
              const Result<void> synced = co_await file->sync_data();
              EXPECT_TRUE(synced) << synced.error().describe();
              co_return 0;
            }),
            0);
}

// Property: whose turn it is to be synced starts the write-back of those that stand in line behind it, once each, of its own device
// only; not its own, and not that of one that has left. Fails when they are not started, or a disk that hangs can hold up another.
TEST_F(BadDay, whose_turn_it_is_starts_those_behind) {
  std::array<std::shared_ptr<const int>, 5> files;
  for (auto& file : files) {
    const std::string path = dir + "/" + std::to_string(&file - files.data());
    const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0) << std::strerror(errno);
    ASSERT_LT(static_cast<size_t>(fd), write_backs_begun.size());
    file = std::shared_ptr<const int>(new int(fd), [](const int* fd) {
      ::close(*fd);
      delete fd;
    });
    write_backs_begun[static_cast<size_t>(fd)] = 0;
  }
  const auto begun = [&] {
    std::vector<int> counts;
    for (const auto& file : files) counts.push_back(write_backs_begun[static_cast<size_t>(*file)]);
    return counts;
  };
  SyncLine line;
  SyncLine::Place first(line, files[0], 1);
  SyncLine::Place second(line, files[1], 1);
  SyncLine::Place elsewhere(line, files[2], 2);
  { const SyncLine::Place gone(line, files[3], 1); }
  first.begin();
  EXPECT_THAT(begun(), testing::ElementsAre(0, 1, 0, 0, 0));
  SyncLine::Place late(line, files[4], 1);
  second.begin();
  EXPECT_THAT(begun(), testing::ElementsAre(0, 1, 0, 0, 1));
  elsewhere.begin();
  late.begin();
  EXPECT_THAT(begun(), testing::ElementsAre(0, 1, 0, 0, 1));
}

// Property: many files synced side by side are all synced, though every start of a write-back fails: that is no failed disk, and no
// sync is left out.
TEST_F(BadDay, syncs_need_no_help) {
  EXPECT_EQ(run([](Environment& env, std::string dir) -> Task<int> {
              failing_write_back.set(EIO, 1'000);
              std::vector<std::unique_ptr<File>> files;
              for (int i = 0; i < 20; ++i) files.push_back(co_await file_of(env, dir + "/" + std::to_string(i), to_bytes("x")));
              TaskGroup group(env.executor);
              int synced = 0;
              for (const auto& file : files) {
                group.spawn(
                    [](File* file, int* synced) -> Task<void> {
                      const Result<void> done = co_await file->sync_data();
                      EXPECT_TRUE(done) << done.error().describe();
                      *synced += done ? 1 : 0;
                    },
                    file.get(), &synced);
              }
              const Result<void> joined = co_await group.join();
              EXPECT_TRUE(joined);
              EXPECT_EQ(synced, 20);
              co_return 0;
            }),
            0);
}

// Property: a system that refuses to write back at all (a sandbox) is no failed disk.
TEST_F(BadDay, a_refused_write_back_is_no_failure) {
  EXPECT_EQ(run([](Environment& env, std::string dir) -> Task<int> {
              failing_write_back.set(ENOSYS, 1'000);
              const auto file = co_await file_of(env, dir + "/large", Bytes(kWriteBackBytes + 1));
              for (int i = 0; i < 50; ++i) co_await sleep_until(env.executor, env.executor.now() + 1ms);
              const Result<void> synced = co_await file->sync_data();
              EXPECT_TRUE(synced);
              co_return 0;
            }),
            0);
}

// Property: where sendfile fails for the file's sake, or is not there, its bytes are sent all the same; a broken connection is told as
// one. Fails when an error of reading is taken for one of the connection.
TEST_F(BadDay, a_file_is_sent_without_sendfile) {
  EXPECT_EQ(run([](Environment& env, std::string dir) -> Task<int> {
              const Bytes content(200'000, std::byte{7});
              const std::shared_ptr<File> file = co_await file_of(env, dir + "/sent", content);
              const Result<std::unique_ptr<Listener>> listener = co_await env.network.listen({"127.0.0.1", 0});
              const Result<std::unique_ptr<Stream>> client = co_await env.network.connect((*listener)->local(), Deadline::never());
              const Result<std::unique_ptr<Stream>> server = co_await (*listener)->accept();
              TaskGroup group(env.executor);
              failing_sendfile.set(EIO, 1);
              group.spawn(
                  [](Stream* stream, std::shared_ptr<File> file) -> Task<void> {
                    const FileRange all{file, 0, 200'000};
                    const Result<void> sent = co_await stream->write_file(all);
                    EXPECT_TRUE(sent) << sent.error().describe();
                    stream->close();
                    const Result<void> later = co_await stream->write_file(all);
                    EXPECT_FALSE(later);
                    EXPECT_EQ(later.error().code(), ErrorCode::kConnectionClosed);
                  },
                  server->get(), file);
              Bytes received;
              Bytes buffer(50'000);
              for (;;) {
                const Result<size_t> count = co_await (*client)->read_some(buffer);
                if (!count || *count == 0) break;
                received.insert(received.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*count));
              }
              const Result<void> joined = co_await group.join();
              EXPECT_TRUE(joined);
              EXPECT_TRUE(received == content);
              co_return 0;
            }),
            0);
  if (failing_sendfile.bad > 0) GTEST_SKIP() << "this file system cannot be asked what is in the page cache: sendfile was never called";
}

}  // namespace
}  // namespace weir::runtime
