#include "weir/client/group/assignor.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "weir/base/prng.h"

namespace weir::client::group {
namespace {

Candidate reader(std::string id, std::vector<std::string> topics, PartitionSet owned = {}, int32_t generation = -1) {
  return {std::move(id), std::nullopt, {std::move(topics), std::move(owned), generation}};
}
PartitionKey at(std::string topic, int32_t index) { return {std::move(topic), PartitionIndex(index)}; }

// "a0 a1 b2"
std::string text_of(const PartitionSet& partitions) {
  std::string text;
  for (const PartitionKey& key : partitions) text += (text.empty() ? "" : " ") + key.topic + std::to_string(key.index.value());
  return text;
}

// Property: a subscription and an assignment come back as they went, and a later version's additions are left alone.
// Fails when a field is written in another order or place than Kafka's.
TEST(Subscription, round_trip_and_later_versions) {
  const Subscription subscription{{"b", "a"}, {at("a", 3), at("b", 0), at("b", 1)}, 7};
  const SharedBytes bytes = *encode_subscription(subscription);
  const Subscription back = *decode_subscription(bytes);
  EXPECT_EQ(back.topics, subscription.topics);
  EXPECT_EQ(back.owned, subscription.owned);
  EXPECT_EQ(back.generation, 7);
  Bytes later(bytes.view().begin(), bytes.view().end());
  later[1] = std::byte{9};
  later.push_back(std::byte{42});
  EXPECT_EQ(decode_subscription(SharedBytes::copy_of(later))->owned, subscription.owned);
  EXPECT_EQ(*decode_assignment(*encode_assignment(subscription.owned)), subscription.owned);
  EXPECT_TRUE(decode_assignment(SharedBytes())->empty());
  for (size_t size = 0; size < 12; ++size) EXPECT_FALSE(decode_subscription(bytes.slice(0, size))) << size;
}

// Property: the bytes of an assignment are Kafka's: version 3, one topic, its partitions, no user data.
// Fails when the version or the null changes.
TEST(Subscription, bytes_of_an_assignment) {
  const SharedBytes bytes = *encode_assignment({at("t", 2)});
  const uint8_t expected[] = {0, 3, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
  EXPECT_TRUE(equal(bytes.view(), std::as_bytes(std::span(expected))));
}

// Property: range gives neighbours, the first members one more, by member id, static members first.
// Fails when members are taken in the order in which they came.
TEST(Assignor, range) {
  Candidate third = reader("a", {"t", "u"});
  third.instance_id = "z";
  const Assignment assignment = assign_range({reader("c", {"t"}), reader("b", {"t"}), third}, {{"t", 7}, {"u", 2}});
  EXPECT_EQ(text_of(assignment.at("a")), "t0 t1 t2 u0 u1");
  EXPECT_EQ(text_of(assignment.at("b")), "t3 t4");
  EXPECT_EQ(text_of(assignment.at("c")), "t5 t6");
}

// Property: round robin deals all partitions of all topics in turn and passes over who does not subscribe.
// Fails when the turn begins anew with each topic.
TEST(Assignor, round_robin) {
  const Assignment assignment = assign_round_robin({reader("a", {"t", "u"}), reader("b", {"u"}), reader("c", {"t", "u"})}, {{"t", 3}, {"u", 3}});
  EXPECT_EQ(text_of(assignment.at("a")), "t0 t2 u2");
  EXPECT_EQ(text_of(assignment.at("b")), "u0");
  EXPECT_EQ(text_of(assignment.at("c")), "t1 u1");
}

// Property: a third member takes two of six partitions and nothing else moves; when it leaves its two go one to each.
// Fails when owned partitions are dealt anew.
TEST(Assignor, sticky_moves_no_more_than_it_must) {
  const PartitionSet one{at("t", 0), at("t", 2), at("t", 4)};
  const PartitionSet two{at("t", 1), at("t", 3), at("t", 5)};
  const Assignment three = assign_sticky({reader("a", {"t"}, one, 4), reader("b", {"t"}, two, 4), reader("c", {"t"})}, {{"t", 6}});
  EXPECT_EQ(three.at("c").size(), 2u);
  for (const auto& [member, before] : {std::pair("a", one), std::pair("b", two)}) {
    EXPECT_EQ(three.at(member).size(), 2u);
    for (const PartitionKey& key : three.at(member)) EXPECT_TRUE(before.contains(key));
  }
  const Assignment back = assign_sticky({reader("a", {"t"}, three.at("a"), 5), reader("b", {"t"}, three.at("b"), 5)}, {{"t", 6}});
  for (const std::string member : {"a", "b"}) {
    EXPECT_EQ(back.at(member).size(), 3u);
    for (const PartitionKey& key : three.at(member)) EXPECT_TRUE(back.at(member).contains(key));
  }
}

// Property: loads even out along a path when no direct move helps: a can only give to b, b only to c.
// Fails when only pairs of members are compared.
TEST(Assignor, sticky_evens_out_along_paths) {
  const Assignment assignment = assign_sticky({reader("a", {"t"}, {at("t", 0), at("t", 1), at("t", 2)}, 1),
                                               reader("b", {"t", "u"}, {at("u", 0), at("u", 1)}, 1), reader("c", {"u"}, {at("u", 2)}, 1)},
                                              {{"t", 3}, {"u", 3}});
  for (const std::string member : {"a", "b", "c"}) EXPECT_EQ(assignment.at(member).size(), 2u) << member;
}

// Property: of two members that claim a partition, the later generation keeps it; with equal generations neither is given it
// before both let go. Fails when a member that missed a rebalance takes back what another reads by now.
TEST(Assignor, cooperative_settles_claims) {
  const PartitionCounts topics{{"t", 2}};
  const PartitionSet both{at("t", 0), at("t", 1)};
  Assignment assignment = assign_cooperative_sticky({reader("a", {"t"}, both, 4), reader("b", {"t"}, {at("t", 1)}, 5)}, topics);
  EXPECT_EQ(text_of(assignment.at("a")), "t0");
  EXPECT_EQ(text_of(assignment.at("b")), "t1");
  assignment = assign_cooperative_sticky({reader("a", {"t"}, both, 5), reader("b", {"t"}, {at("t", 1)}, 5)}, topics);
  EXPECT_EQ(text_of(assignment.at("a")), "t0");
  EXPECT_EQ(text_of(assignment.at("b")), "");
}

// Members come and go with random subscriptions; two rounds settle each change. Checks what must hold each time.
struct Churn {
  explicit Churn(uint64_t seed) : prng(seed) {
    for (int i = 0; i < 4; ++i) topics["t" + std::to_string(i)] = static_cast<int32_t>(prng.below(9));
  }

  void change() {
    if (members.size() < 2 || (members.size() < 9 && prng.chance(60))) {
      std::vector<std::string> wanted;
      for (const auto& [topic, count] : topics) {
        if (mixed ? prng.chance(50) : true) wanted.push_back(topic);
      }
      members.push_back(reader("m" + std::to_string(next++), wanted));
    } else {
      members.erase(members.begin() + static_cast<ptrdiff_t>(prng.below(members.size())));
    }
    if (prng.chance(20)) ++topics["t" + std::to_string(prng.below(4))];
  }
  // One rebalance. Whoever gets a partition must be the only one that holds it.
  bool rebalance() {
    ++generation;
    std::vector<Candidate> shuffled = members;
    for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[prng.below(i)]);
    const Assignment assignment = assign_cooperative_sticky(shuffled, topics);
    EXPECT_TRUE(assignment == assign_cooperative_sticky(members, topics)) << "depends on the order of members";
    EXPECT_EQ(assignment.size(), members.size());
    PartitionSet seen;
    bool let_go = false;
    for (Candidate& member : members) {
      const PartitionSet& mine = assignment.at(member.member_id);
      for (const PartitionKey& key : mine) {
        EXPECT_TRUE(seen.insert(key).second) << "given twice";
        EXPECT_TRUE(std::ranges::find(member.subscription.topics, key.topic) != member.subscription.topics.end());
        for (const Candidate& other : members) {
          EXPECT_TRUE(&other == &member || !other.subscription.owned.contains(key)) << "taken before it was let go";
        }
      }
      for (const PartitionKey& key : member.subscription.owned) let_go = let_go || !mine.contains(key);
    }
    for (Candidate& member : members) member.subscription = {member.subscription.topics, assignment.at(member.member_id), generation};
    return let_go;
  }
  void check_settled() {
    PartitionSet held;
    size_t least = SIZE_MAX;
    size_t most = 0;
    for (const Candidate& member : members) {
      held.insert(member.subscription.owned.begin(), member.subscription.owned.end());
      least = std::min(least, member.subscription.owned.size());
      most = std::max(most, member.subscription.owned.size());
    }
    if (!mixed) EXPECT_LE(most, least + 1);
    for (const auto& [topic, count] : topics) {
      const bool read = std::ranges::any_of(members, [&](const Candidate& member) {
        return std::ranges::find(member.subscription.topics, topic) != member.subscription.topics.end();
      });
      for (int32_t i = 0; read && i < count; ++i) EXPECT_TRUE(held.contains(at(topic, i))) << topic << i << " is read by nobody";
    }
  }

  Prng prng;
  PartitionCounts topics;
  std::vector<Candidate> members;
  int next = 0;
  int32_t generation = 0;
  bool mixed = false;
};

// Property: through any coming and going, nobody is given what another still holds, a change is settled after two rebalances,
// every partition is then read, and with equal subscriptions loads differ by one at most.
// Fails when cooperative-sticky hands a partition over in one step, or moves back and forth for ever.
TEST(Assignor, cooperative_sticky_settles_after_every_change) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Churn churn(seed);
    churn.mixed = seed % 2 == 0;
    for (int i = 0; i < 12; ++i) {
      churn.change();
      if (churn.rebalance()) EXPECT_FALSE(churn.rebalance()) << "the second rebalance moves again";
      churn.check_settled();
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace weir::client::group
