#include "weir/metadata/persistent_map.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/prng.h"

namespace weir::metadata {
namespace {

using Map = PersistentMap<std::string, int>;

std::map<std::string, int> entries_of(const Map& map) {
  std::map<std::string, int> all;
  for (const auto& entry : map) {
    EXPECT_TRUE(all.empty() || all.rbegin()->first < entry.key);
    all[entry.key] = entry.value;
  }
  return all;
}

// Property: random changes give what std::map gives, copies taken on the way never change, and the tree stays balanced.
// Fails when a node that another copy reaches is changed in place, or a rotation loses a subtree.
TEST(PersistentMap, behaves_as_std_map_and_old_copies_stay) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Prng random(seed);
    const uint64_t keys = 1 + random.below(400);
    Map map;
    std::map<std::string, int> model;
    std::vector<std::pair<Map, std::map<std::string, int>>> kept;
    for (int step = 0; step < 600; ++step) {
      const std::string key = std::to_string(random.below(keys));
      if (random.chance(60)) {
        map.set(key, step);
        model[key] = step;
      } else {
        EXPECT_EQ(map.erase(key), model.erase(key) == 1);
      }
      if (random.chance(3)) kept.emplace_back(map, model);
      if (step % 50 == 0) map.check_invariants();
    }
    map.check_invariants();
    EXPECT_EQ(entries_of(map), model) << "seed " << seed;
    for (const auto& [copy, expected] : kept) {
      copy.check_invariants();
      EXPECT_EQ(entries_of(copy), expected) << "seed " << seed;
      EXPECT_EQ(copy.size(), expected.size());
    }
  }
}

// Property: lower_bound stops at the first key not below the one asked for, and iteration goes on from there.
TEST(PersistentMap, lower_bound_continues_in_order) {
  PersistentMap<int, int> map;
  for (int i = 0; i < 1000; i += 2) map.set(i, i);
  for (int from = -1; from < 1001; ++from) {
    int expected = from <= 0 ? 0 : (from + 1) / 2 * 2;
    auto at = map.lower_bound(from);
    for (int i = 0; i < 5 && expected < 1000; ++i, ++at, expected += 2) {
      ASSERT_NE(at, map.end());
      EXPECT_EQ(at->key, expected);
    }
    if (expected >= 1000) {
      EXPECT_EQ(at, map.end());
    }
  }
}

// A value that counts how often one was copied.
struct Counted {
  explicit Counted(int* count) : copies(count) {}
  Counted(const Counted& other) : copies(other.copies) { ++*copies; }
  Counted(Counted&&) = default;
  Counted& operator=(const Counted& other) {
    copies = other.copies;
    ++*copies;
    return *this;
  }
  Counted& operator=(Counted&&) = default;
  ~Counted() = default;
  int* copies;
};

// Property: a change to a copy costs O(log n) new nodes, and a change to a map that nobody else reaches none.
// Fails when a copy is deep, or a node that is not shared is copied.
TEST(PersistentMap, a_change_copies_one_path) {
  constexpr int kEntries = 1'000;
  constexpr int kPathMax = 2 * 15;  // height 1.44 log2(n), and siblings that rotations touch
  int copies = 0;
  PersistentMap<int, Counted> map;
  for (int i = 0; i < kEntries; ++i) map.set(i, Counted(&copies));
  EXPECT_EQ(copies, 0);
  for (int i = 0; i < kEntries; i += 37) {
    PersistentMap<int, Counted> copy = map;
    copies = 0;
    copy.set(i, Counted(&copies));
    EXPECT_GT(copies, 0);
    EXPECT_LE(copies, kPathMax);
    copies = 0;
    copy.set(i, Counted(&copies));
    EXPECT_EQ(copies, 0);
    PersistentMap<int, Counted> less = map;
    less.erase(i);
    EXPECT_LE(copies, kPathMax);
  }
}

// Property: maps with the same entries are equal, however they were built and whatever they share.
TEST(PersistentMap, equality_sees_content_not_shape) {
  PersistentMap<int, int> up;
  PersistentMap<int, int> down;
  for (int i = 0; i < 100; ++i) up.set(i, i);
  for (int i = 99; i >= 0; --i) down.set(i, i);
  EXPECT_TRUE(up == down);
  EXPECT_FALSE(up.same_tree(down));
  PersistentMap<int, int> copy = up;
  EXPECT_TRUE(copy.same_tree(up));
  copy.set(50, -1);
  EXPECT_FALSE(copy == up);
  EXPECT_EQ(*up.find(50), 50);
}

// Property: a key is found by whatever compares with it, without making one.
TEST(PersistentMap, finds_strings_by_view) {
  Map map;
  map.set("one", 1);
  EXPECT_EQ(*map.find(std::string_view("one")), 1);
  EXPECT_EQ(map.find(std::string_view("two")), nullptr);
}

}  // namespace
}  // namespace weir::metadata
