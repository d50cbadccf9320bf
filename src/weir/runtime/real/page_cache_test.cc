#include "weir/runtime/real/page_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

constexpr size_t kFileBytes = 1 << 20;
constexpr size_t kHoleFrom = 256 << 10;
constexpr size_t kHoleBytes = 4 << 10;   // smaller than the steps of a look at single bytes

class PageCache : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "page_cache.XXXXXX";
    fd_ = ::mkstemp(name.data());
    ASSERT_GE(fd_, 0);
    ::unlink(name.c_str());
    // Page by page from the end: what is written in one piece may stay, and go, in one piece.
    const std::string page(kHoleBytes, 'x');
    for (size_t at = kFileBytes; at > 0; at -= page.size()) {
      ASSERT_EQ(::pwrite(fd_, page.data(), page.size(), static_cast<off_t>(at - page.size())), static_cast<ssize_t>(page.size()));
    }
    ASSERT_EQ(::fsync(fd_), 0);
    std::byte one;
    const iovec into{&one, 1};
    if (::preadv2(fd_, &into, 1, 0, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP) {
      GTEST_SKIP() << "the file system of " << testing::TempDir() << " cannot be asked what is in the page cache";
    }
  }
  void TearDown() override { ::close(fd_); }
  void drop(size_t from, size_t bytes) { ASSERT_EQ(::posix_fadvise(fd_, static_cast<off_t>(from), static_cast<off_t>(bytes), POSIX_FADV_DONTNEED), 0); }

  int fd_ = -1;
};

// Property: what was just written can be sent; what has left the page cache cannot. Fails when the answer is always the same.
TEST_F(PageCache, knows_what_is_there) {
  ASSERT_TRUE(seems_cached(fd_, 0, kFileBytes));
  EXPECT_TRUE(seems_cached(fd_, 4000, 1));
  drop(0, kFileBytes);
  if (seems_cached(fd_, 0, kFileBytes)) GTEST_SKIP() << "this file system keeps its pages, or does not say";
  EXPECT_FALSE(seems_cached(fd_, kHoleFrom, 1));
}

// Property: one page that is missing in the middle is found where the kernel counts. Fails when single bytes far apart are tried.
TEST_F(PageCache, finds_one_missing_page) {
  const std::optional<size_t> all = cached_bytes(fd_, 0, kFileBytes);
  if (!all) GTEST_SKIP() << "this kernel, or this file system, does not count pages (cachestat, Linux 6.5)";
  EXPECT_EQ(*all, kFileBytes);
  drop(kHoleFrom + kHoleBytes, kHoleBytes);
  const std::optional<size_t> rest = cached_bytes(fd_, 0, kFileBytes);
  ASSERT_TRUE(rest.has_value());
  if (*rest == kFileBytes) GTEST_SKIP() << "this file system keeps larger pieces together";
  EXPECT_FALSE(seems_cached(fd_, 0, kFileBytes));
  EXPECT_TRUE(seems_cached(fd_, 0, kHoleFrom));
  EXPECT_EQ(cached_bytes(fd_, kHoleFrom + kHoleBytes, kHoleBytes), 0u);
}

}  // namespace
}  // namespace weir::runtime
