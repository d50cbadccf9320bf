#include "weir/protocol/frame_writer.h"

#include <algorithm>

#include "weir/base/assert.h"

namespace weir::protocol {

void FrameWriter::share(const SharedBytes& slice) {
  if (slice.size() < kShareBytesMin) {
    bytes(slice);
    return;
  }
  shared_.push_back({own_bytes(), {slice, nullptr}});
  shared_bytes_ += slice.size();
}

void FrameWriter::share(std::shared_ptr<const FileRange> file) {
  WEIR_ASSERT(file != nullptr && file->size > 0);
  shared_bytes_ += file->size;
  shared_.push_back({own_bytes(), {SharedBytes(), std::move(file)}});
}

void FrameWriter::grow(size_t count) {
  const size_t used = own_bytes();
  SharedBytes larger = SharedBytes::allocate(std::max(block_.size() * 2, used + count));
  std::memcpy(larger.mutable_view().data(), begin_, used);
  block_ = std::move(larger);
  adopt();
  at_ += used;
}

std::vector<FramePart> FrameWriter::take_parts() && {
  std::vector<FramePart> parts;
  parts.reserve(shared_.size() * 2 + 1);
  size_t done = 0;
  for (Shared& shared : shared_) {
    if (shared.position > done) parts.push_back({block_.slice(done, shared.position - done), nullptr});
    done = shared.position;
    parts.push_back(std::move(shared.part));
  }
  if (own_bytes() > done) parts.push_back({block_.slice(done, own_bytes() - done), nullptr});
  shared_.clear();
  return parts;
}

std::vector<SharedBytes> FrameWriter::take() && {
  std::vector<SharedBytes> slices;
  slices.reserve(shared_.size() * 2 + 1);
  for (FramePart& part : std::move(*this).take_parts()) {
    WEIR_ASSERT(part.file == nullptr);
    slices.push_back(std::move(part.bytes));
  }
  return slices;
}

SharedBytes FrameWriter::join() && {
  if (shared_.empty()) return block_.slice(0, own_bytes());
  SharedBytes all = SharedBytes::allocate(size());
  std::byte* to = all.mutable_view().data();
  for (const SharedBytes& slice : std::move(*this).take()) {
    std::memcpy(to, slice.data(), slice.size());
    to += slice.size();
  }
  return all;
}

}  // namespace weir::protocol
