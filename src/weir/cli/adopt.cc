// weir adopt: what would happen when Weir opens the directory of a Kafka, and the note that it does.
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weir/cli/amounts.h"
#include "weir/cli/commands.h"
#include "weir/cli/json_text.h"
#include "weir/cli/report.h"
#include "weir/cli/table.h"
#include "weir/node/adopt.h"
#include "weir/runtime/real/process.h"

namespace weir::cli {
namespace {

using node::AdoptReport;

std::string serve_line(const AdoptReport& report) {
  std::string dirs;
  for (const node::AdoptDirectory& directory : report.directories) dirs += (dirs.empty() ? "" : ",") + directory.path;
  return fmt::format("weir serve --override log.dirs={}{}", dirs,
                     report.node_id == BrokerId(1) ? std::string() : fmt::format(" --override node.id={}", report.node_id));
}

void print_text(const AdoptReport& report) {
  std::string features;
  for (const auto& [name, level] : report.features) features += fmt::format("{}{} {}", features.empty() ? "" : ", ", name, level);
  fmt::print("cluster {}, node {}: kraft.version {}{}{}\n", report.cluster_id, report.node_id, report.kraft_version,
             features.empty() ? "" : ", ", features);
  for (const node::AdoptDirectory& directory : report.directories) {
    fmt::print("{}: {} partitions, {}, {}\n", directory.path, directory.logs, bytes_text(static_cast<double>(directory.bytes)),
               directory.was_clean ? std::string("stopped cleanly")
                                   : fmt::format("not stopped cleanly: {} in {} partitions are read and checked at the start",
                                                 bytes_text(static_cast<double>(directory.bytes_to_recover)), directory.logs_to_recover));
  }
  if (!report.topics.empty()) {
    Table table({"topic", ">partitions", ">size"});
    for (const node::AdoptTopic& topic : report.topics) table.add({topic.name, fmt::format("{}", topic.partitions), bytes_text(static_cast<double>(topic.bytes))});
    fmt::print("\n");
    std::fflush(stdout);
    table.print();
  }
  if (!report.notes.empty()) fmt::print("\nnotes\n");
  for (const std::string& note : report.notes) fmt::print("  {}\n", note);
  if (!report.problems.empty()) fmt::print("\nWeir cannot open it yet\n");
  for (const node::AdoptProblem& problem : report.problems) {
    std::string way_out = problem.way_out;
    for (size_t at = way_out.find('\n'); at != std::string::npos; at = way_out.find('\n', at + 1)) way_out.insert(at + 1, "    ");
    fmt::print("  {}\n    {}\n", problem.what, way_out);
  }
}

std::string json_list(const std::vector<std::string>& parts) { return fmt::format("[{}]", fmt::join(parts, ",")); }

void print_json(const AdoptReport& report, bool adopted) {
  std::vector<std::string> features, directories, topics, problems, notes;
  for (const auto& [name, level] : report.features) features.push_back(fmt::format("{}:{}", json_string(name), level));
  for (const node::AdoptDirectory& directory : report.directories) {
    directories.push_back(fmt::format(
        R"({{"path":{},"id":{},"clean":{},"partitions":{},"bytes":{},"partitions_to_recover":{},"bytes_to_recover":{}}})",
        json_string(directory.path), json_string(directory.id.text()), directory.was_clean, directory.logs, directory.bytes,
        directory.logs_to_recover, directory.bytes_to_recover));
  }
  for (const node::AdoptTopic& topic : report.topics) {
    topics.push_back(fmt::format(R"({{"name":{},"partitions":{},"bytes":{}}})", json_string(topic.name), topic.partitions, topic.bytes));
  }
  for (const node::AdoptProblem& problem : report.problems) {
    problems.push_back(fmt::format(R"({{"what":{},"way_out":{}}})", json_string(problem.what), json_string(problem.way_out)));
  }
  for (const std::string& note : report.notes) notes.push_back(json_string(note));
  fmt::print(R"({{"works":{},"adopted":{},"cluster_id":{},"node_id":{},"kraft_version":{},"features":{{{}}},"brokers":{},)"
             R"("topics_in_metadata":{},"directories":{},"topics":{},"problems":{},"notes":{}}})"
             "\n",
             report.works(), adopted, json_string(report.cluster_id), report.node_id, report.kraft_version, fmt::join(features, ","),
             report.brokers, report.topics_in_metadata, json_list(directories), json_list(topics), json_list(problems), json_list(notes));
}

runtime::Task<Result<int>> adopt_directories(runtime::Environment& environment, AdoptArgs args) {
  WEIR_CO_TRY(const AdoptReport report, co_await node::inspect_directories(environment, args.dirs));
  if (args.undo) {
    WEIR_CO_CHECK(co_await node::undo_adoption(environment, report));
    fmt::print("{}: undone; Kafka goes on from here, with everything that was written meanwhile\n", report.directories.front().path);
    co_return kDone;
  }
  const bool adopts = !args.check && report.works();
  if (adopts) WEIR_CO_CHECK(co_await node::write_adoption(environment, report));
  if (args.json) {
    print_json(report, adopts);
  } else {
    print_text(report);
    if (report.works()) {
      fmt::print("\n{}; nothing in it has to change\n  start it   {}\n", args.check ? "Weir can open it" : "adopted", serve_line(report));
      if (adopts) {
        fmt::print("  go back    stop Weir with SIGTERM, weir adopt --undo {}, start Kafka\n  ({} in {} says so too)\n", fmt::join(args.dirs, " "),
                   node::kAdoptionFile, report.directories.front().path);
      }
    }
  }
  co_return report.works() ? kDone : kFailed;
}

runtime::Task<int> run_adopt(runtime::Environment& environment, AdoptArgs args) {
  const Result<int> code = co_await adopt_directories(environment, std::move(args));
  if (code) co_return *code;
  report(code.error());
  co_return kFailed;
}

}  // namespace

int adopt(AdoptArgs args) {
  char buffer[4096];
  const std::string here = getcwd(buffer, sizeof buffer) == nullptr ? "" : buffer;
  for (std::string& dir : args.dirs) {
    if (!dir.starts_with('/')) dir = here + "/" + dir;
    while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  }
  runtime::RealProcess process({.log_level = LogLevel::kWarning});
  return process.run(run_adopt, std::move(args));
}

}  // namespace weir::cli
