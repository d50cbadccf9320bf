// The rules of the tree. Each reads the whole tree and adds its findings; none changes anything.
#pragma once

#include <vector>

#include "floors.h"
#include "tree.h"

namespace weir::tidy {

// Rule "floors": an #include of ours obeys src/weir/FLOORS and is written from src/.
void check_floors(const Tree& tree, const Floors& floors, std::vector<Finding>& findings);
// Rule "include": heavy or operating-system headers, and third-party headers outside their fence.
void check_includes(const Tree& tree, std::vector<Finding>& findings);
// Rule "call": the operating system, clocks, randomness and threads outside runtime/real and cli.
void check_calls(const Tree& tree, std::vector<Finding>& findings);
// Rule "size": files over kLinesMax lines, unless tools/tidy/sizes.txt gives them a ceiling.
void check_sizes(const Tree& tree, std::vector<Finding>& findings);
// Rule "unfinished": words that speak of unfinished work.
void check_unfinished(const Tree& tree, std::vector<Finding>& findings);
// Rule "property" (a warning): a test says which property it checks.
void check_properties(const Tree& tree, std::vector<Finding>& warnings);
// Rule "path": paths in documents exist. Rule "internals": each module that has code has a page.
void check_documents(const Tree& tree, const Floors& floors, std::vector<Finding>& findings);

inline constexpr size_t kLinesMax = 500;

// Takes out what tools/tidy/exceptions.txt allows; a row there that allows nothing is itself a finding.
void apply_exceptions(const Tree& tree, std::vector<Finding>& findings);

}  // namespace weir::tidy
