// What the options of weir demo member and weir demo shop come to.
#pragma once

#include "weir/cli/client_args.h"

namespace weir::cli {

struct DemoShopArgs {
  ClusterArgs cluster;
  std::string topic = "shop";
  std::string state_topic = "shop-state";
  std::string group = "shop";
  int64_t session_ms = 10'000;
  bool users = false;  // shop: user by user
};
int demo_member(const DemoShopArgs& args);
int demo_shop(const DemoShopArgs& args);

}  // namespace weir::cli
