// What will happen in a simulated world, in order: a heap by (instant, tie broken by the seed, order planned).
#pragma once

#include <cstddef>
#include <cstdint>

#include "weir/base/prng.h"
#include "weir/base/time.h"
#include "weir/runtime/indexed_heap.h"

namespace weir::runtime {

class Agenda;

// Something that will happen at an instant of simulated time. Leaves the agenda when destroyed. May plan itself again.
class Occurrence {
 public:
  Occurrence() = default;
  Occurrence(const Occurrence&) = delete;
  Occurrence& operator=(const Occurrence&) = delete;
  virtual ~Occurrence() { cancel(); }

  bool is_planned() const { return agenda_ != nullptr; }
  MonoTime planned_for() const { return when_; }
  void cancel();
  virtual void happen() = 0;

 private:
  friend class Agenda;
  Agenda* agenda_ = nullptr;
  MonoTime when_;
  uint64_t tie_ = 0;
  uint64_t sequence_ = 0;
  size_t index_ = 0;
};

class Agenda {
 public:
  explicit Agenda(Prng ties) : ties_(ties) {}
  ~Agenda();

  // Moves `occurrence` when it is planned already.
  void plan(Occurrence& occurrence, MonoTime when);
  bool empty() const { return heap_.empty(); }
  MonoTime earliest() const { return heap_.empty() ? kFarFuture : heap_.front().when_; }
  // Takes the first one off and lets it happen. The agenda must not be empty.
  void run_next();

 private:
  friend class Occurrence;
  struct Order {
    static bool before(const Occurrence& a, const Occurrence& b);
    static size_t& index(Occurrence& occurrence) { return occurrence.index_; }
  };
  void remove(Occurrence& occurrence);

  Prng ties_;
  uint64_t next_sequence_ = 0;
  IndexedHeap<Occurrence, Order> heap_;
};

}  // namespace weir::runtime
