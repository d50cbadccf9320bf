#include "weir/cli/load_config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "weir/cli/report.h"

extern char** environ;

namespace weir::cli {
namespace {

constexpr size_t kConfigBytesMax = 4 << 20;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string default_data_dir() {
  if (geteuid() == 0) return "/var/lib/weir";
  const std::string data_home = variable("XDG_DATA_HOME");
  if (data_home.starts_with('/')) return data_home + "/weir";
  const std::string home = variable("HOME");
  return (home.empty() ? std::string("/var/tmp") : home + "/.local/share") + "/weir";
}

std::map<std::string, std::string> weir_variables() {
  std::map<std::string, std::string> found;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view text = *at;
    const size_t equals = text.find('=');
    if (text.starts_with("WEIR_") && equals != std::string_view::npos)
      found.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

// JSON is YAML as well.
bool is_yaml(std::string_view path) { return path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with(".json"); }

}  // namespace

Result<std::string> read_whole_file(const std::string& path, size_t bytes_max) {
  const auto failed = [&](int error) {
    const ErrorCode code = error == ENOENT   ? ErrorCode::kNotFound
                           : error == EACCES ? ErrorCode::kPermissionDenied
                                             : ErrorCode::kDiskError;
    return fail(code, fmt::format("cannot read {}: {}", path, std::generic_category().message(error)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(errno);
  std::string text;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      ::close(fd);
      return failed(error);
    }
    if (count == 0) break;
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > bytes_max) {
      ::close(fd);
      return fail(ErrorCode::kOutputTooLarge,
                  fmt::format("{} is larger than {} bytes: this is not a configuration", path, bytes_max));
    }
  }
  ::close(fd);
  return text;
}

std::optional<node::Configuration> load_config(const ConfigArgs& args) {
  node::ConfigInput input;
  if (!args.file.empty()) {
    Result<std::string> text = read_whole_file(args.file, kConfigBytesMax);
    if (!text) {
      report(text.error().message());
      return std::nullopt;
    }
    input.file = node::ConfigFile{args.file, std::move(*text), is_yaml(args.file)};
  }
  char buffer[4096];
  input.working_dir = getcwd(buffer, sizeof buffer) == nullptr ? "/" : buffer;
  input.host_name = gethostname(buffer, sizeof buffer) == 0 ? buffer : "localhost";
  input.environment = weir_variables();
  input.overrides = args.overrides;
  input.data_dir = args.data_dir;
  input.port = args.port;
  input.default_data_dir = default_data_dir();
  auto configuration = node::configure(input);
  if (configuration) return std::move(*configuration);
  for (const std::string& problem : configuration.error()) {
    const bool has_place = !args.file.empty() && problem.starts_with(args.file + ":");
    report(problem, has_place);
  }
  return std::nullopt;
}

}  // namespace weir::cli
