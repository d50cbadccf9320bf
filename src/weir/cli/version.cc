#include <fmt/format.h>

#include "weir/cli/commands.h"
#include "weir/node/config_page.h"
#include "weir/node/version.h"

namespace weir::cli {

int version() {
  fmt::print("weir {} ({})\nspeaks the protocol of Apache Kafka 4.3; {}\n", kVersion, node::built_commit(),
#ifdef __clang__
             "clang " __clang_version__
#else
             "compiler " __VERSION__
#endif
  );
  return kDone;
}

int doc_configuration() {
  fmt::print("{}", node::configuration_page());
  return kDone;
}

}  // namespace weir::cli
