// A binary heap of items that know their place in it, so that any of them can be taken out again, not only the first.
//
//   struct Order {
//     static bool before(const Item& a, const Item& b);   // a strict order without equals
//     static size_t& index(Item& item);                   // the item's place: the heap's to write
//   };
//
// The heap does not own its items; each must be removed before it dies. Timers and the simulator's agenda are kept in one.
#pragma once

#include <cstddef>
#include <vector>

#include "weir/base/assert.h"

namespace weir::runtime {

template <typename T, typename Order>
class IndexedHeap {
 public:
  bool empty() const { return items_.empty(); }
  T& front() const {
    WEIR_ASSERT(!items_.empty());
    return *items_.front();
  }
  void push(T& item) {
    items_.push_back(&item);
    place(items_.size() - 1, &item);
    sift_up(items_.size() - 1);
  }
  void remove(T& item) {
    const size_t index = Order::index(item);
    WEIR_ASSERT(index < items_.size() && items_[index] == &item, index, items_.size());
    T* const last = items_.back();
    items_.pop_back();
    if (last == &item) return;
    place(index, last);
    sift_up(index);
    sift_down(Order::index(*last));
  }
  // In no order.
  const std::vector<T*>& items() const { return items_; }

 private:
  void place(size_t index, T* item) {
    items_[index] = item;
    Order::index(*item) = index;
  }
  void exchange(size_t a, size_t b) {
    T* const moved = items_[a];
    place(a, items_[b]);
    place(b, moved);
  }
  void sift_up(size_t index) {
    while (index > 0) {
      const size_t parent = (index - 1) / 2;
      if (!Order::before(*items_[index], *items_[parent])) return;
      exchange(index, parent);
      index = parent;
    }
  }
  void sift_down(size_t index) {
    for (;;) {
      size_t least = index;
      for (size_t child = 2 * index + 1; child <= 2 * index + 2 && child < items_.size(); ++child) {
        if (Order::before(*items_[child], *items_[least])) least = child;
      }
      if (least == index) return;
      exchange(index, least);
      index = least;
    }
  }

  std::vector<T*> items_;
};

}  // namespace weir::runtime
