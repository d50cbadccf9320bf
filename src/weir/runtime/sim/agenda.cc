#include "weir/runtime/sim/agenda.h"

#include <tuple>

namespace weir::runtime {

void Occurrence::cancel() {
  if (agenda_ != nullptr) agenda_->remove(*this);
}

Agenda::~Agenda() {
  for (Occurrence* occurrence : heap_.items()) occurrence->agenda_ = nullptr;
}

void Agenda::plan(Occurrence& occurrence, MonoTime when) {
  occurrence.cancel();
  occurrence.agenda_ = this;
  occurrence.when_ = when;
  occurrence.tie_ = ties_.next();
  occurrence.sequence_ = next_sequence_++;
  heap_.push(occurrence);
}

void Agenda::run_next() {
  Occurrence& first = heap_.front();
  remove(first);
  first.happen();
}

bool Agenda::Order::before(const Occurrence& a, const Occurrence& b) {
  return std::tie(a.when_, a.tie_, a.sequence_) < std::tie(b.when_, b.tie_, b.sequence_);
}

void Agenda::remove(Occurrence& occurrence) {
  heap_.remove(occurrence);
  occurrence.agenda_ = nullptr;
}

}  // namespace weir::runtime
