#include "weir/node/config_page.h"

#include <fmt/format.h>

#include "weir/metadata/config_table.h"

namespace weir::node {
namespace {

using metadata::ConfigOption;
using metadata::ConfigScope;
using metadata::ConfigStatus;

constexpr std::string_view kIntroduction = R"(# Configuration

Generated from the option table (`src/weir/metadata/config_rows_*.h`) by `weir doc configuration`; a test keeps it current.

Weir takes Apache Kafka's property names, defaults and ranges. `weir serve` reads them from, the later one wins:

1. the defaults below;
2. a properties file: `weir serve server.properties`; or YAML, `weir serve server.yaml`, where nested keys are joined with dots
   and lists with commas;
3. the environment: `WEIR_LOG_RETENTION_HOURS=24` is `log.retention.hours=24`;
4. the command line: `--override log.retention.hours=24`, `--data-dir DIR`, `--port N`.

Where nothing is said, a node is broker and controller in one (`node.id=1`), Kafka clients connect to `localhost:9092`, the
controller listens on `localhost:9093`, metrics and health are at `http://localhost:8080/` or the next free port, and the data
lies in `/var/lib/weir/log` for root, else in `$XDG_DATA_HOME/weir/log` or `~/.local/share/weir/log`. (The tables show Kafka's
defaults for these options.)

A value that does not fit ends the start with exit code 2 and a sentence that names file, line, value and what is allowed. A
property that nobody knows is a warning with the nearest known name. An option that Weir accepts without effect is named in
the log when it is set to something else than its default.

*Status* says what Weir does with an option: `honoured`; `no effect`, accepted and described, with the reason; `refused`, any
value but the default ends the start or fails the request, with the reason.

*Change*: `restart` only in the file; `broker` while it runs, for one broker; `cluster` while it runs, for one broker or all.
Topic, group and client-metrics options are always changed while the cluster runs.
)";

std::string_view change_text(metadata::ConfigUpdate update) {
  switch (update) {
    case metadata::ConfigUpdate::kRestart: return "restart";
    case metadata::ConfigUpdate::kPerBroker: return "broker";
    case metadata::ConfigUpdate::kClusterWide: return "cluster";
  }
  return "";
}

// What the type allows anyway is left out.
std::string shown_limits(const ConfigOption& option) {
  std::string text = metadata::allowed_text(option);
  for (const std::string_view most : {" .. 2147483647", " .. 9223372036854775807", " .. 32767"}) {
    if (text.ends_with(most)) text = text.substr(0, text.size() - most.size()) + " or more";
  }
  const bool is_any =
      text.starts_with("-2147483648 ") || text.starts_with("-9223372036854775808 ") || text.starts_with("-32768 ");
  return is_any && text.ends_with(" or more") ? std::string() : text;
}

std::string default_text(const ConfigOption& option) {
  if (!option.default_value) return "";
  return option.default_value->empty() ? "(empty)" : fmt::format("`{}`", *option.default_value);
}

// A bar would end the cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string lower_type(const ConfigOption& option) {
  std::string out(metadata::type_text(option.type));
  for (char& c : out) c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string status_text(const ConfigOption& option) {
  switch (metadata::status_of(option.effect)) {
    case ConfigStatus::kHonoured: return "honoured";
    case ConfigStatus::kAccepted: return fmt::format("no effect: {}", metadata::reason_of(option.effect));
    case ConfigStatus::kRefused: return fmt::format("refused: {}", metadata::reason_of(option.effect));
  }
  return "";
}

void add_scope(std::string& page, std::string_view title, ConfigScope scope) {
  size_t counts[3] = {0, 0, 0};
  for (const ConfigOption& option : metadata::options_of(scope)) {
    if (!option.internal) ++counts[static_cast<size_t>(metadata::status_of(option.effect))];
  }
  fmt::format_to(std::back_inserter(page), "\n## {}\n\n{} honoured, {} without effect, {} refused.\n\n", title, counts[0], counts[1], counts[2]);
  const bool with_change = scope == ConfigScope::kBroker;
  page += with_change ? "| option | type | default | allowed | change | status | what it is for |\n| -- | -- | -- | -- | -- | -- | -- |\n"
                      : "| option | type | default | allowed | status | what it is for |\n| -- | -- | -- | -- | -- | -- |\n";
  for (const ConfigOption& option : metadata::options_of(scope)) {
    if (option.internal) continue;
    fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} |", option.name, lower_type(option), cell(default_text(option)),
                   cell(shown_limits(option)));
    if (with_change) fmt::format_to(std::back_inserter(page), " {} |", change_text(option.update));
    fmt::format_to(std::back_inserter(page), " {} | {} |\n", cell(status_text(option)), cell(option.doc));
  }
}

}  // namespace

std::string configuration_page() {
  std::string page(kIntroduction);
  add_scope(page, "Node options", ConfigScope::kBroker);
  add_scope(page, "Topic options", ConfigScope::kTopic);
  add_scope(page, "Group options", ConfigScope::kGroup);
  add_scope(page, "Client metrics options", ConfigScope::kClientMetrics);
  return page;
}

}  // namespace weir::node
