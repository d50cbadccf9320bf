// Bytes in four forms: a view, a mutable view, an owner, and a shared slice.
//
// SharedBytes is a slice of a reference-counted block: the buffer a connection read into, kept alive by every request,
// append queue and tail-cache entry that points into it. Copying one is a counter increment. The counter is atomic only
// because a slice may be handed to Offload; the bytes are written by the block's maker before the first slice is shared.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using Bytes = std::vector<std::byte>;

inline ByteView as_bytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(std::string_view text) { return Bytes(as_bytes(text).begin(), as_bytes(text).end()); }
inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// A block of `capacity` bytes on the heap with an atomic reference count.
class SharedBlock {
 public:
  // The caller holds the first reference.
  static SharedBlock* make(size_t capacity);

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  size_t capacity() const { return capacity_; }
  void add_reference() { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference();
  bool is_unique() const { return references_.load(std::memory_order_acquire) == 1; }

 private:
  explicit SharedBlock(size_t capacity) : capacity_(capacity) {}
  std::atomic<uint32_t> references_{1};
  size_t capacity_;
};

class SharedBytes {
 public:
  SharedBytes() = default;
  // A new block that holds a copy of `bytes`.
  static SharedBytes copy_of(ByteView bytes);
  // A new block of `size` bytes, contents unset; write through `mutable_view` before sharing.
  static SharedBytes allocate(size_t size);
  // A slice of `block`; takes a reference of its own. `view` must lie inside the block.
  SharedBytes(SharedBlock* block, ByteView view) : block_(block), view_(view) {
    if (block_ != nullptr) block_->add_reference();
  }
  SharedBytes(const SharedBytes& other) : SharedBytes(other.block_, other.view_) {}
  SharedBytes(SharedBytes&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), view_(std::exchange(other.view_, {})) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(block_, other.block_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~SharedBytes() {
    if (block_ != nullptr) block_->drop_reference();
  }

  ByteView view() const { return view_; }
  const std::byte* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  SharedBlock* block() const { return block_; }
  // Bytes this slice keeps alive (the whole block), for charging caches.
  size_t pinned_bytes() const { return block_ == nullptr ? 0 : block_->capacity(); }
  // [from, from + count) of this slice, sharing its block.
  SharedBytes slice(size_t from, size_t count) const { return SharedBytes(block_, view_.subspan(from, count)); }
  // For patching header fields in place; the caller knows that no other holder reads these bytes.
  MutableBytes mutable_view() const { return {const_cast<std::byte*>(view_.data()), view_.size()}; }
  operator ByteView() const { return view_; }

 private:
  SharedBlock* block_ = nullptr;
  ByteView view_;
};

}  // namespace weir
