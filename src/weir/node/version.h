// Which Weir this is: the release, and the commit that was compiled, so that a result, a log and a report name their build.
#pragma once

#include <string>

#include "weir/base/version.h"

namespace weir::node {

// "commit 48ec75e0a1b2", "commit 48ec75e0a1b2 with changes" when files of the clone differed from it, or "no commit known"
// when the sources were no clone.
std::string built_commit();

}  // namespace weir::node
