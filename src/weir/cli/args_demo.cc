// weir demo member and weir demo shop.
#include "weir/cli/args_app.h"
#include "weir/cli/demo_args.h"
#include "weir/cli/help_demo.h"

namespace weir::cli {

void add_demo_commands(CLI::App& demo, Commands& commands) {
  const auto args = std::make_shared<DemoShopArgs>();
  CLI::App* member = add_command(demo, "member", help::kDemoMember);
  CLI::App* shop = add_command(demo, "shop", help::kDemoShop);
  for (CLI::App* one : {member, shop}) {
    one->add_option("--bootstrap-server", args->cluster.bootstrap);
    one->add_option("--group", args->group);
    one->add_option("--topic", args->topic);
    one->add_option("--state-topic", args->state_topic);
  }
  member->add_option("--name", args->cluster.client_id);
  add_duration(*member, "--session", args->session_ms, INT32_MAX);
  shop->add_flag("--users", args->users);
  commands.add(member, [args] { return demo_member(*args); });
  commands.add(shop, [args] { return demo_shop(*args); });
}

}  // namespace weir::cli
