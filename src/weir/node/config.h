// From what a person configured to what a node is started with.
//
// Sources, the later one wins: Weir's defaults, the properties file, WEIR_* environment variables, the command line. All of
// it is given as values: nothing here reads a file, the environment or the machine.
// Every problem is found in one go and is a sentence that says where, what was given, and what is allowed; lines after the
// first of a sentence are hints.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weir/node/options.h"

namespace weir::node {

inline constexpr uint16_t kDefaultPort = 9092;
inline constexpr uint16_t kDefaultHttpPort = 8080;

struct ConfigFile {
  std::string path;  // as the person wrote it
  std::string text;
  bool is_yaml = false;  // else Java's properties
};

struct ConfigInput {
  std::optional<ConfigFile> file;
  std::map<std::string, std::string> environment;  // variables whose names begin with WEIR_
  std::vector<std::string> overrides;              // "key=value", of --override
  std::optional<std::string> data_dir;             // --data-dir: logs lie in log/ below it
  std::optional<uint16_t> port;                    // --port: of the first client listener; the controller's is the next
  std::string default_data_dir;
  std::string working_dir;  // relative paths begin here
  std::string host_name;    // advertised by a listener on every address
};

// A value and where it comes from: "server.properties:14", "WEIR_LOG_DIRS", "--override".
struct Setting {
  std::string value;
  std::string from;
};
using Settings = std::map<std::string, Setting, std::less<>>;  // by option name; known options with good values only

// socket.listen.backlog.size and the like; nothing where nobody said anything: the system's own are better.
struct SocketChoice {
  std::optional<int> backlog;
  std::optional<int> send_buffer_bytes;
  std::optional<int> receive_buffer_bytes;
};

struct Configuration {
  NodeOptions options;
  SocketChoice sockets;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;  // accepted, but without effect
};

using Problems = std::vector<std::string>;

std::expected<Configuration, Problems> configure(const ConfigInput& input);

// WEIR_LOG_RETENTION_HOURS -> log.retention.hours; WEIR_HTTP_LISTENER -> weir.http.listener.
std::string option_of_variable(std::string_view variable);

// What somebody who wrote `text` probably meant: "7d" for an option of hours is 168. Empty when nothing comes to mind.
std::string suggested_value(std::string_view option, std::string_view text);

}  // namespace weir::node
