// weir demo shop: the numbers that the members have kept, and how far behind each of them is.
#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/demo_args.h"
#include "weir/cli/group_command.h"
#include "weir/cli/shop_state.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

namespace {

Task<Result<void>> run_demo_shop(ClientContext& context, DemoShopArgs args) {
  client::GroupAdmin admin(context.cluster);
  WEIR_CO_TRY(const client::GroupDescription group, co_await find_group(context, args.group));
  WEIR_CO_TRY(const client::CommittedOffsets committed, co_await admin.offsets(args.group, context.patience()));
  ShopTally tally;
  client::PartitionSet partitions;
  for (const auto& [key, position] : committed) {
    if (key.topic != args.topic) continue;
    partitions.insert(key);
    WEIR_CO_TRY(const ShopTally one, co_await read_state(context.cluster, args.state_topic, key.index, position, context.patience()));
    tally.merge(one);
  }
  if (args.users) {
    fmt::print("{}", tally.text());
    co_return Result<void>();
  }
  const auto total = tally.total();
  fmt::print("events {}\nviews {}\nusers {}\nin_carts {}\ncarts {}\npurchases {}\nrevenue_cents {}\n", total.events, total.views, tally.users(),
             total.in_cart, total.carts, total.purchases, total.revenue_cents);
  for (const client::GroupMember& member : group.members) partitions.insert(member.assigned.begin(), member.assigned.end());
  const auto ends = co_await offsets_at(context, std::move(partitions), client::kLatest);
  for (const client::GroupMember& member : group.members) {
    int64_t lag = 0;
    for (const client::PartitionKey& key : member.assigned) {
      const auto end = ends.find(key);
      const auto position = committed.find(key);
      if (end != ends.end()) lag += end->second.value() - (position == committed.end() ? 0 : position->second.offset.value());
    }
    fmt::print("member {} {} {}\n", member.client_id, member.assigned.size(), lag);
  }
  co_return Result<void>();
}

}  // namespace

int demo_shop(const DemoShopArgs& args) { return run_client(args, args.cluster, &run_demo_shop); }

}  // namespace weir::cli
