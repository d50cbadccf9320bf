#include "weir/runtime/network.h"

#include <algorithm>
#include <charconv>

#include "weir/runtime/disk.h"

namespace weir::runtime {
namespace {

// In memory of a range that is sent by reading it, for as long as its peer takes; no more ranges than files may be lent.
constexpr size_t kChunkBytes = 64 << 10;

}  // namespace

std::string Endpoint::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  std::string_view host;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || close + 1 >= text.size() || text[close + 1] != ':') return std::nullopt;
    host = text.substr(1, close - 1);
    text.remove_prefix(close + 2);
  } else {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    host = text.substr(0, colon);
    if (host.find_first_of(": /") != std::string_view::npos) return std::nullopt;
    text.remove_prefix(colon + 1);
  }
  Endpoint endpoint{std::string(host), 0};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), endpoint.port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return endpoint;
}

Task<Result<void>> Stream::write_file(const FileRange& range) {
  File* const file = dynamic_cast<File*>(range.source.get());
  WEIR_ASSERT(file != nullptr);
  Bytes chunk(std::min(range.size, kChunkBytes));
  for (size_t done = 0; done < range.size;) {
    const MutableBytes into = MutableBytes(chunk).first(std::min(chunk.size(), range.size - done));
    WEIR_CO_TRY(const size_t count, co_await file->read_at(range.position + done, into));
    if (count == 0) co_return fail(ErrorCode::kDiskError, fmt::format("{} ends inside what was to be sent of it", file->path()));
    done += count;
    const ByteView part = into.first(count);
    WEIR_CO_CHECK(co_await write_all({&part, 1}, done < range.size));
  }
  co_return Result<void>();
}

}  // namespace weir::runtime
