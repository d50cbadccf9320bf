#include "weir/cli/report.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace weir::cli {
namespace {

constexpr std::string_view kIndent = "      ";

bool is_coloured() {
  static const bool coloured = isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  return coloured;
}

void print_sentence(std::string_view colour, std::string_view before, std::string_view sentence) {
  const size_t end = sentence.find('\n');
  const std::string_view first = sentence.substr(0, end);
  std::string text = is_coloured() ? fmt::format("{}{}{}\x1b[0m\n", colour, before, first) : fmt::format("{}{}\n", before, first);
  for (std::string_view rest = end == std::string_view::npos ? "" : sentence.substr(end + 1); !rest.empty();) {
    const size_t next = rest.find('\n');
    text += fmt::format("{}{}\n", kIndent, rest.substr(0, next));
    rest = next == std::string_view::npos ? std::string_view() : rest.substr(next + 1);
  }
  std::fputs(text.c_str(), stderr);
}

std::string_view hint_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kAddressInUse: return "choose another port with --port N, or stop that process";
    case ErrorCode::kLocked: return "choose another directory with --data-dir DIR, or stop that process";
    case ErrorCode::kPermissionDenied: return "choose a directory that you may write with --data-dir DIR, or change its owner";
    case ErrorCode::kNoSpace: return "free some space on that disk, or choose another directory with --data-dir DIR";
    default: return "";
  }
}

}  // namespace

void report(std::string_view sentence, bool has_place) { print_sentence("\x1b[31m", has_place ? "" : "weir: ", sentence); }

void report_warning(std::string_view sentence) { print_sentence("\x1b[33m", "warning: ", sentence); }

void report_hint(std::string_view sentence) { print_sentence("\x1b[2m", "", sentence); }

void report(const Error& error) {
  std::string sentence = error.message().empty() ? error.describe() : error.message();
  const std::string_view hint = hint_for(error.code());
  if (!hint.empty() && sentence.find('\n') == std::string::npos) sentence += fmt::format("\n{}", hint);
  report(sentence);
}

bool is_reader_gone(int descriptor) {
  pollfd watched{descriptor, 0, 0};
  return ::poll(&watched, 1, 0) == 1 && (watched.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace weir::cli
