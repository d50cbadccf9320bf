// Which listeners a configuration asks for, and what clients are told about them.
#pragma once

#include "weir/node/config.h"

namespace weir::node {

struct ChosenListeners {
  std::vector<server::ListenerOptions> listeners;  // clients' first, then the controller's
  std::vector<runtime::Endpoint> advertised;
  std::vector<std::string> warnings;
};

// Reached only from this machine.
bool is_loopback(std::string_view host);

std::expected<ChosenListeners, Problems> choose_listeners(const Settings& settings, const ConfigInput& input);

}  // namespace weir::node
