// The pages of weir demo member and weir demo shop.
#pragma once

#include <string_view>

namespace weir::cli::help {

inline constexpr std::string_view kDemoMember = R"(weir demo member: one of a group that keeps the shop's numbers, until Ctrl-C

usage: weir demo member [options]

  --name NAME                 the member's client id, by which weir group describe names it
  --group NAME                default shop
  --topic NAME                where the events are (default shop)
  --state-topic NAME          where the numbers are kept (default shop-state): as many partitions as the events' topic
  --session TIME              how long the group waits for a member that is gone (default 10s)
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)

A member counts each partition that it owns by itself. It writes the numbers into the state topic, then commits its
position together with where they lie: whoever takes the partition over goes on from both.
)";

inline constexpr std::string_view kDemoShop = R"(weir demo shop: the numbers that the members have kept, and their lag

usage: weir demo shop [options]

  --users                     user by user: user, events, views, carts filled, purchases, pieces in the cart, revenue in cents
  --group NAME                default shop
  --topic NAME                default shop
  --state-topic NAME          default shop-state
  --bootstrap-server LIST     host:port[,host:port...] (default localhost:9092)

Compare with weir demo events --summary, which knows the same numbers without any broker.
)";

}  // namespace weir::cli::help
