#include "weir/node/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weir::node {

NodeOptions node_options(std::vector<std::string> log_dirs, BrokerId id, runtime::Endpoint broker, runtime::Endpoint controller) {
  NodeOptions options;
  options.server.node_id = id;
  options.server.listeners = {{"PLAINTEXT", broker, false}, {"CONTROLLER", controller, true}};
  options.advertised = {broker, controller};
  options.static_config = {
      {"node.id", fmt::format("{}", id)},
      {"process.roles", "broker,controller"},
      {"controller.listener.names", "CONTROLLER"},
      {"listeners", fmt::format("PLAINTEXT://{},CONTROLLER://{}", broker.text(), controller.text())},
      {"log.dirs", fmt::format("{}", fmt::join(log_dirs, ","))},
  };
  options.logs.dirs = std::move(log_dirs);
  options.logs.node_id = id;
  return options;
}

}  // namespace weir::node
