// A doubly linked list through hooks in the items: no allocation, removal by item in O(1), an item leaves when destroyed.
//
//   struct Waiter : ListHook { ... };   IntrusiveList<Waiter> waiters;
//
// An item is in at most one list. The list does not own its items: whichever of the two dies first leaves the other.
#pragma once

#include <cstddef>

#include "weir/base/assert.h"

namespace weir {

class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  bool is_linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
  }

 private:
  template <typename T>
  friend class IntrusiveList;
  ListHook* prev_ = nullptr;
  ListHook* next_ = nullptr;
};

template <typename T>
class IntrusiveList {
 public:
  IntrusiveList() { head_.prev_ = head_.next_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  // Items still linked are let go.
  ~IntrusiveList() {
    while (!empty()) front().unlink();
    head_.prev_ = head_.next_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T& front() {
    WEIR_ASSERT(!empty());
    return static_cast<T&>(*head_.next_);
  }
  void push_back(T& item) {
    ListHook& hook = item;
    WEIR_ASSERT(!hook.is_linked());
    hook.prev_ = head_.prev_;
    hook.next_ = &head_;
    head_.prev_->next_ = &hook;
    head_.prev_ = &hook;
  }
  T& pop_front() {
    T& item = front();
    static_cast<ListHook&>(item).unlink();
    return item;
  }
  // The neighbours of an item of this list; nullptr at the ends.
  T* next(T& item) { return at(static_cast<ListHook&>(item).next_); }
  T* previous(T& item) { return at(static_cast<ListHook&>(item).prev_); }
  // Calls `visit(item)` for each; `visit` may unlink or destroy the item it is given, no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (ListHook* at = head_.next_; at != &head_;) {
      ListHook* next = at->next_;
      visit(static_cast<T&>(*at));
      at = next;
    }
  }

 private:
  T* at(ListHook* hook) { return hook == &head_ ? nullptr : static_cast<T*>(hook); }

  ListHook head_;
};

}  // namespace weir
