// An ordered map whose copies share everything they have in common: copying is one counter increment, a change costs
// O(log n) new nodes, and no other copy sees it.
//
// Owner    whoever holds the handle; nodes are freed with the last handle that reaches them.
// Shard    a handle belongs to one shard, its nodes may be reached from many: reference counts are atomic, keys and values
//          of a node that two handles reach never change.
// Holds    - an AVL tree: sibling heights differ by at most one, so height <= 1.44 log2(n + 2)
//          - keys strictly ascend in iteration order
//          - a node reached by one handle only is changed in place (building a map of n entries allocates n nodes)
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "weir/base/assert.h"

namespace weir::metadata {

template <typename Key, typename Value>
class PersistentMap {
  struct Node;

 public:
  static constexpr int kHeightMax = 64;  // more than any tree that fits in memory

  struct Entry {
    Key key;
    Value value;
  };

  PersistentMap() = default;
  PersistentMap(const PersistentMap& other) : root_(share(other.root_)) {}
  PersistentMap(PersistentMap&& other) noexcept : root_(std::exchange(other.root_, nullptr)) {}
  PersistentMap& operator=(PersistentMap other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }
  ~PersistentMap() { drop(root_); }

  bool empty() const { return root_ == nullptr; }
  size_t size() const { return count(root_); }

  // The value of `key`, or nullptr. Valid while this handle is neither changed nor destroyed.
  template <typename K>
  const Value* find(const K& key) const {
    for (const Node* at = root_; at != nullptr;) {
      if (key < at->entry.key) {
        at = at->left;
      } else if (at->entry.key < key) {
        at = at->right;
      } else {
        return &at->entry.value;
      }
    }
    return nullptr;
  }
  template <typename K>
  bool contains(const K& key) const {
    return find(key) != nullptr;
  }

  // Inserts or replaces.
  void set(Key key, Value value) { root_ = put(root_, std::move(key), std::move(value)); }
  // False when there was nothing to erase.
  template <typename K>
  bool erase(const K& key) {
    if (!contains(key)) return false;
    root_ = take_out(root_, key);
    return true;
  }

  // Ascending; `++` is amortised O(1). Holds no references: valid while this handle is neither changed nor destroyed.
  class Iterator {
   public:
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    const Entry& operator*() const { return path_[depth_ - 1]->entry; }
    const Entry* operator->() const { return &path_[depth_ - 1]->entry; }
    Iterator& operator++() {
      const Node* done = path_[--depth_];
      descend(done->right);
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) {
      return a.depth_ == b.depth_ && (a.depth_ == 0 || a.path_[a.depth_ - 1] == b.path_[b.depth_ - 1]);
    }

   private:
    friend class PersistentMap;
    void push(const Node* node) {
      WEIR_ASSERT(depth_ < kHeightMax, depth_);
      path_[depth_++] = node;
    }
    void descend(const Node* node) {
      for (; node != nullptr; node = node->left) push(node);
    }
    const Node* path_[kHeightMax];  // ancestors still to visit, the current node last
    int depth_ = 0;
  };
  Iterator begin() const {
    Iterator it;
    it.descend(root_);
    return it;
  }
  Iterator end() const { return Iterator(); }
  // The first entry whose key is not below `key`.
  template <typename K>
  Iterator lower_bound(const K& key) const {
    Iterator it;
    for (const Node* at = root_; at != nullptr;) {
      if (at->entry.key < key) {
        at = at->right;
      } else {
        it.push(at);
        at = at->left;
      }
    }
    return it;
  }

  // Whether both handles reach the very same tree (then they are equal; the reverse need not hold).
  bool same_tree(const PersistentMap& other) const { return root_ == other.root_; }
  friend bool operator==(const PersistentMap& a, const PersistentMap& b) {
    if (a.same_tree(b)) return true;
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const Entry& x, const Entry& y) {
             return !(x.key < y.key) && !(y.key < x.key) && x.value == y.value;
           });
  }

  // For tests: aborts when an invariant is broken.
  void check_invariants() const { check(root_); }

 private:
  struct Node {
    Node(Key key, Value value) : entry{std::move(key), std::move(value)} {}
    std::atomic<uint32_t> references{1};
    int32_t height = 1;
    size_t size = 1;
    Node* left = nullptr;
    Node* right = nullptr;
    Entry entry;
  };

  static int height(const Node* node) { return node == nullptr ? 0 : node->height; }
  static size_t count(const Node* node) { return node == nullptr ? 0 : node->size; }
  static Node* share(Node* node) {
    if (node != nullptr) node->references.fetch_add(1, std::memory_order_relaxed);
    return node;
  }
  static void drop(Node* node) {
    while (node != nullptr && node->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      drop(node->left);
      Node* right = node->right;
      delete node;
      node = right;
    }
  }

  // Takes the caller's reference to `node`; returns a node with the same content that nobody else reaches.
  static Node* own(Node* node) {
    if (node->references.load(std::memory_order_acquire) == 1) return node;
    Node* copy = new Node(node->entry.key, node->entry.value);
    copy->height = node->height;
    copy->size = node->size;
    copy->left = share(node->left);
    copy->right = share(node->right);
    drop(node);
    return copy;
  }
  static void measure(Node* node) {
    node->height = 1 + std::max(height(node->left), height(node->right));
    node->size = 1 + count(node->left) + count(node->right);
  }
  static Node* rotate_right(Node* node) {
    Node* top = node->left = own(node->left);
    node->left = top->right;
    top->right = node;
    measure(node);
    measure(top);
    return top;
  }
  static Node* rotate_left(Node* node) {
    Node* top = node->right = own(node->right);
    node->right = top->left;
    top->left = node;
    measure(node);
    measure(top);
    return top;
  }
  // `node` is owned; its subtrees differ by at most two.
  static Node* balance(Node* node) {
    measure(node);
    const int lean = height(node->left) - height(node->right);
    if (lean > 1) {
      if (height(node->left->left) < height(node->left->right)) node->left = rotate_left(own(node->left));
      return rotate_right(node);
    }
    if (lean < -1) {
      if (height(node->right->right) < height(node->right->left)) node->right = rotate_right(own(node->right));
      return rotate_left(node);
    }
    return node;
  }

  static Node* put(Node* node, Key key, Value value) {
    if (node == nullptr) return new Node(std::move(key), std::move(value));
    node = own(node);
    if (key < node->entry.key) {
      node->left = put(node->left, std::move(key), std::move(value));
    } else if (node->entry.key < key) {
      node->right = put(node->right, std::move(key), std::move(value));
    } else {
      node->entry.value = std::move(value);
      return node;
    }
    return balance(node);
  }
  // Detaches the smallest node of the subtree into `smallest` (owned, without children).
  static Node* take_smallest(Node* node, Node*& smallest) {
    node = own(node);
    if (node->left == nullptr) {
      smallest = node;
      return std::exchange(node->right, nullptr);
    }
    node->left = take_smallest(node->left, smallest);
    return balance(node);
  }
  template <typename K>
  static Node* take_out(Node* node, const K& key) {
    WEIR_ASSERT(node != nullptr);
    node = own(node);
    if (key < node->entry.key) {
      node->left = take_out(node->left, key);
      return balance(node);
    }
    if (node->entry.key < key) {
      node->right = take_out(node->right, key);
      return balance(node);
    }
    Node* left = std::exchange(node->left, nullptr);
    Node* right = std::exchange(node->right, nullptr);
    drop(node);
    if (right == nullptr) return left;
    Node* next = nullptr;
    right = take_smallest(right, next);
    next->left = left;
    next->right = right;
    return balance(next);
  }

  static void check(const Node* node) {
    if (node == nullptr) return;
    check(node->left);
    check(node->right);
    WEIR_ASSERT(node->height == 1 + std::max(height(node->left), height(node->right)));
    WEIR_ASSERT(node->size == 1 + count(node->left) + count(node->right));
    WEIR_ASSERT(std::abs(height(node->left) - height(node->right)) <= 1);
    WEIR_ASSERT(node->left == nullptr || node->left->entry.key < node->entry.key);
    WEIR_ASSERT(node->right == nullptr || node->entry.key < node->right->entry.key);
  }

  Node* root_ = nullptr;
};

}  // namespace weir::metadata
