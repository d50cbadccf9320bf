// Bytes of an HTTP connection, however they are cut. Property: no crash; the same requests come out of the stream whether it
// arrives whole or in pieces, and what spoils the pieces spoils the whole.
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "weir/base/assert.h"
#include "weir/http/parser.h"

namespace {

using namespace weir::http;

constexpr size_t kHeaderBytesMax = 2048;
constexpr size_t kBodyBytesMax = 4096;

struct Outcome {
  std::vector<Request> requests;
  int error_status = 0;
};

Outcome feed(std::string_view stream, size_t step) {
  RequestParser parser(kHeaderBytesMax, kBodyBytesMax);
  Outcome outcome;
  for (size_t at = 0; at < stream.size() && outcome.error_status == 0; at += step) {
    (void)parser.feed(stream.substr(at, step));
    while (parser.error_status() == 0 && parser.is_complete()) {
      outcome.requests.push_back(parser.take());
      WEIR_ASSERT(outcome.requests.back().body.size() <= kBodyBytesMax, outcome.requests.back().body.size());
    }
    outcome.error_status = parser.error_status();
  }
  WEIR_ASSERT(outcome.error_status == 0 || !parser.error_text().empty(), outcome.error_status);
  return outcome;
}

bool same(const Request& a, const Request& b) {
  const auto same_field = [](const Field& x, const Field& y) { return x.name == y.name && x.value == y.value; };
  return a.method == b.method && a.target == b.target && a.body == b.body && std::ranges::equal(a.fields, b.fields, same_field);
}

}  // namespace

// Byte 0 says how the stream is cut into reads; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = feed(stream, stream.size());
  const Outcome pieces = feed(stream, std::max<size_t>(data[0], 1));
  WEIR_ASSERT(std::ranges::equal(whole.requests, pieces.requests, same), whole.requests.size(), pieces.requests.size());
  // The parser may want to see the rest of a line before it says that the line is wrong.
  WEIR_ASSERT(pieces.error_status == 0 || whole.error_status != 0, pieces.error_status);
  return 0;
}
