#include "weir/runtime/frame_pool.h"

#include <array>
#include <cstdlib>
#include <new>
#include <utility>

namespace weir::runtime {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_NO_FRAME_POOL 1
#endif
#endif

namespace {

[[maybe_unused]] constexpr size_t kClassBytes = 64;
[[maybe_unused]] constexpr size_t kClasses = kFrameBytesMax / kClassBytes;
[[maybe_unused]] constexpr size_t kFramesKeptPerClass = 256;

struct FreeFrame {
  FreeFrame* next;
};
struct FreeList {
  FreeFrame* head = nullptr;
  size_t count = 0;
};
// The lists of one thread, given back to the allocator when the thread ends.
struct FreeLists {
  std::array<FreeList, kClasses> by_class;
  ~FreeLists() {
    for (FreeList& list : by_class) {
      while (list.head != nullptr) std::free(std::exchange(list.head, list.head->next));
    }
  }
};
[[maybe_unused]] thread_local FreeLists free_lists;

void* allocate(size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

#ifdef WEIR_NO_FRAME_POOL
void* allocate_frame(size_t bytes) { return allocate(bytes); }
void free_frame(void* frame, size_t) noexcept { std::free(frame); }
#else
void* allocate_frame(size_t bytes) {
  if (bytes > kFrameBytesMax) return allocate(bytes);
  const size_t index = (bytes - 1) / kClassBytes;
  FreeList& list = free_lists.by_class[index];
  if (list.head == nullptr) return allocate((index + 1) * kClassBytes);
  --list.count;
  return std::exchange(list.head, list.head->next);
}

void free_frame(void* frame, size_t bytes) noexcept {
  if (bytes > kFrameBytesMax) return std::free(frame);
  FreeList& list = free_lists.by_class[(bytes - 1) / kClassBytes];
  if (list.count >= kFramesKeptPerClass) return std::free(frame);
  list.head = new (frame) FreeFrame{list.head};
  ++list.count;
}
#endif

}  // namespace weir::runtime
