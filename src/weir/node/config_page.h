// docs/configuration.md, made from the option table.
#pragma once

#include <string>

namespace weir::node {

std::string configuration_page();

}  // namespace weir::node
