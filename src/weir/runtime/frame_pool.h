// Recycles coroutine frames: a Task per read, write and handler call must not cost a trip to the allocator.
//
// Frames up to kFrameBytesMax are kept on per-thread free lists by size class. A frame freed on another thread joins that
// thread's list, which is harmless. Order of execution never depends on it, so the simulator stays exact.
// Off under AddressSanitizer, which must see every frame's death.
#pragma once

#include <cstddef>

namespace weir::runtime {

inline constexpr size_t kFrameBytesMax = 2048;

void* allocate_frame(size_t bytes);
void free_frame(void* frame, size_t bytes) noexcept;

// Base of promise types.
struct PooledFrame {
  static void* operator new(size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, size_t bytes) noexcept { free_frame(frame, bytes); }
};

}  // namespace weir::runtime
