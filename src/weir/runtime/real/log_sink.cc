#include "weir/runtime/real/log_sink.h"

#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace weir::runtime {
namespace {

constexpr std::string_view kLevelWords[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
constexpr std::string_view kLevelColours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};

// A NO_COLOR in the environment turns colour off, as elsewhere.
bool wants_colour(int fd) { return isatty(fd) == 1 && std::getenv("NO_COLOR") == nullptr; }

std::string timestamp(bool utc) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  if (utc) gmtime_r(&now.tv_sec, &parts);
  else localtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}.{:03}{}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     utc ? 'T' : ' ', parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1'000'000, utc ? "Z" : "");
}

void append_json_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      to += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      to += c;
    }
  }
}

}  // namespace

RealLogSink::RealLogSink(LogFormat format, int fd) : format_(format), fd_(fd), colour_(wants_colour(fd)) {}

void RealLogSink::write(LogLevel level, std::string_view module, std::string_view line) {
  const auto index = static_cast<size_t>(level);
  std::string text;
  if (format_ == LogFormat::kJson) {
    text = fmt::format(R"({{"time":"{}","level":"{}","module":"{}","message":")", timestamp(true), name_of(level), module);
    append_json_escaped(text, line);
    text += "\"}\n";
  } else if (colour_) {
    text = fmt::format("{} {}{}\x1b[0m \x1b[36m{}\x1b[0m  {}\n", timestamp(false), kLevelColours[index], kLevelWords[index],
                       module, line);
  } else {
    text = fmt::format("{} {} {}  {}\n", timestamp(false), kLevelWords[index], module, line);
  }
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // nobody to tell
    rest.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace weir::runtime
