// Structured log lines: a level, a module, a sentence. The sink is given by whoever owns the process or the simulation;
// `base` only has the interface.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace weir {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

constexpr std::string_view name_of(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

class LogSink {
 public:
  virtual ~LogSink() = default;
  // Called with whole sentences; must not block for long and must not throw.
  virtual void write(LogLevel level, std::string_view module, std::string_view line) = 0;
};

// A handle given to each component: cheap to copy, names its module, never null (the default one drops everything).
class Logger {
 public:
  Logger() = default;
  Logger(LogSink& sink, std::string_view module, LogLevel least = LogLevel::kInfo) : sink_(&sink), module_(module), least_(least) {}

  // The same sink for another module; `module` must be a literal.
  Logger named(std::string_view module) const {
    Logger other = *this;
    other.module_ = module;
    return other;
  }
  template <typename... T>
  void debug(fmt::format_string<T...> text, T&&... values) const { line(LogLevel::kDebug, text, values...); }
  template <typename... T>
  void info(fmt::format_string<T...> text, T&&... values) const { line(LogLevel::kInfo, text, values...); }
  template <typename... T>
  void warning(fmt::format_string<T...> text, T&&... values) const { line(LogLevel::kWarning, text, values...); }
  template <typename... T>
  void error(fmt::format_string<T...> text, T&&... values) const { line(LogLevel::kError, text, values...); }

 private:
  template <typename Text, typename... T>
  void line(LogLevel level, const Text& text, T&... values) const {
    if (sink_ == nullptr || level < least_) return;
    sink_->write(level, module_, fmt::vformat(fmt::string_view(text), fmt::make_format_args(values...)));
  }

  LogSink* sink_ = nullptr;
  std::string_view module_;
  LogLevel least_ = LogLevel::kInfo;
};

}  // namespace weir
