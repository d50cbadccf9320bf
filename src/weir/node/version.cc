#include "weir/node/version.h"

#include <fmt/format.h>

#include "weir/node/commit.h"

namespace weir::node {

std::string built_commit() {
  if (kBuiltCommit.empty()) return "no commit known";
  return fmt::format("commit {}{}", kBuiltCommit, kBuiltWithChanges ? " with changes" : "");
}

}  // namespace weir::node
