#include "weir/cli/args.h"
#include "weir/cli/process_stats.h"

int main(int argc, char** argv) {
  const int64_t started_ns = weir::cli::monotonic_ns();
  return weir::cli::run_command_line(argc, argv, started_ns);
}
