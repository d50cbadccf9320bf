#include "weir/base/bytes.h"

#include <cstdlib>
#include <new>

#include "weir/base/assert.h"

namespace weir {

SharedBlock* SharedBlock::make(size_t capacity) {
  void* memory = std::malloc(sizeof(SharedBlock) + capacity);
  if (memory == nullptr) throw std::bad_alloc();
  return new (memory) SharedBlock(capacity);
}

void SharedBlock::drop_reference() {
  const uint32_t before = references_.fetch_sub(1, std::memory_order_acq_rel);
  WEIR_ASSERT(before >= 1, before);
  if (before == 1) {
    this->~SharedBlock();
    std::free(this);
  }
}

SharedBytes SharedBytes::allocate(size_t size) {
  SharedBytes bytes;
  bytes.block_ = SharedBlock::make(size);
  bytes.view_ = {bytes.block_->data(), size};
  return bytes;
}

SharedBytes SharedBytes::copy_of(ByteView source) {
  SharedBytes bytes = allocate(source.size());
  if (!source.empty()) std::memcpy(bytes.mutable_view().data(), source.data(), source.size());
  return bytes;
}

}  // namespace weir
