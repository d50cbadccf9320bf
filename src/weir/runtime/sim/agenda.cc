#include "weir/runtime/sim/agenda.h"

#include <tuple>

#include "weir/base/assert.h"

namespace weir::runtime {

void Occurrence::cancel() {
  if (agenda_ != nullptr) agenda_->remove(*this);
}

Agenda::~Agenda() {
  for (Occurrence* occurrence : heap_) occurrence->agenda_ = nullptr;
}

void Agenda::plan(Occurrence& occurrence, MonoTime when) {
  occurrence.cancel();
  occurrence.agenda_ = this;
  occurrence.when_ = when;
  occurrence.tie_ = ties_.next();
  occurrence.sequence_ = next_sequence_++;
  heap_.push_back(&occurrence);
  place(heap_.size() - 1, &occurrence);
  sift_up(heap_.size() - 1);
}

void Agenda::run_next() {
  WEIR_ASSERT(!heap_.empty());
  Occurrence& first = *heap_.front();
  remove(first);
  first.happen();
}

bool Agenda::before(const Occurrence& a, const Occurrence& b) {
  return std::tie(a.when_, a.tie_, a.sequence_) < std::tie(b.when_, b.tie_, b.sequence_);
}

void Agenda::remove(Occurrence& occurrence) {
  const size_t index = occurrence.index_;
  WEIR_ASSERT(index < heap_.size() && heap_[index] == &occurrence, index, heap_.size());
  occurrence.agenda_ = nullptr;
  Occurrence* last = heap_.back();
  heap_.pop_back();
  if (last == &occurrence) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

void Agenda::place(size_t index, Occurrence* occurrence) {
  heap_[index] = occurrence;
  occurrence->index_ = index;
}

void Agenda::sift_up(size_t index) {
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (!before(*heap_[index], *heap_[parent])) return;
    Occurrence* child = heap_[index];
    place(index, heap_[parent]);
    place(parent, child);
    index = parent;
  }
}

void Agenda::sift_down(size_t index) {
  for (;;) {
    size_t least = index;
    for (size_t child = 2 * index + 1; child <= 2 * index + 2 && child < heap_.size(); ++child) {
      if (before(*heap_[child], *heap_[least])) least = child;
    }
    if (least == index) return;
    Occurrence* moved = heap_[index];
    place(index, heap_[least]);
    place(least, moved);
    index = least;
  }
}

}  // namespace weir::runtime
