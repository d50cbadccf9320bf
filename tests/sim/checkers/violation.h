// What a checker found: its name, in Jepsen's words where they have one, and a sentence.
#pragma once

#include <string>

namespace weir::sim {

struct Violation {
  std::string checker;
  std::string message;
};

}  // namespace weir::sim
