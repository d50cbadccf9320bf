#include "weir/storage/clean_shutdown.h"

#include <fmt/format.h>

#include "weir/storage/text_fields.h"

namespace weir::storage {
namespace {

constexpr uint64_t kCleanShutdownBytesMax = 4096;

// The integer after `"name":`, blanks allowed around the colon.
std::optional<int64_t> integer_member(std::string_view text, std::string_view name) {
  const size_t at = text.find(fmt::format("\"{}\"", name));
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(at + name.size() + 2);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  if (!rest.starts_with(':')) return std::nullopt;
  rest.remove_prefix(1);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  return parse_number<int64_t>(rest.substr(0, rest.find_first_not_of("-0123456789")));
}

}  // namespace

std::optional<int64_t> parse_clean_shutdown(std::string_view text) {
  if (integer_member(text, "version") != 0) return std::nullopt;
  return integer_member(text, "brokerEpoch");
}

std::string format_clean_shutdown(int64_t broker_epoch) { return fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", broker_epoch); }

runtime::Task<Result<CleanShutdown>> take_clean_shutdown(runtime::Disk& disk, std::string dir) {
  const std::string path = fmt::format("{}/{}", dir, kCleanShutdownFile);
  const Result<Bytes> content = co_await runtime::read_file(disk, path, kCleanShutdownBytesMax);
  if (!content) {
    if (content.error().code() == ErrorCode::kNotFound) co_return CleanShutdown{};
    co_return fail(content.error());
  }
  WEIR_CO_CHECK(co_await disk.remove(path));
  WEIR_CO_CHECK(co_await disk.sync_directory(dir));
  co_return CleanShutdown{true, parse_clean_shutdown(as_text(*content)).value_or(-1)};
}

runtime::Task<Result<void>> write_clean_shutdown(runtime::Disk& disk, std::string dir, int64_t broker_epoch) {
  co_return co_await runtime::write_file_atomically(disk, fmt::format("{}/{}", dir, kCleanShutdownFile),
                                                    to_bytes(format_clean_shutdown(broker_epoch)));
}

}  // namespace weir::storage
