// Feeds bytes of one connection to Boost.Beast's HTTP/1.1 request parser; the only file that knows Beast is parser.cc.
//
// Owner    the connection. Bounds  what is fed and belongs to no complete request yet: the limits, and one feed.
// Holds    - is_complete(), or error_status() != 0, or it wants more bytes. Look at both after feed() and after take(): bytes that
//            came with one request may complete, or spoil, the next
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "weir/http/message.h"

namespace weir::http {

class RequestParser {
 public:
  RequestParser(size_t header_bytes_max, size_t body_bytes_max);
  ~RequestParser();

  // Takes the next bytes of the stream; what lies behind the first complete request waits for the next one.
  // False when the input is wrong: then error_status() and error_text() say how to answer, and the connection must close. Not to
  // be called after that.
  bool feed(std::string_view bytes);
  bool is_complete() const;
  bool keep_alive() const;
  int error_status() const { return error_status_; }
  const std::string& error_text() const { return error_text_; }

  // The complete request; the parser goes on with the bytes behind it. Must be complete.
  Request take();

 private:
  struct State;
  bool parse();

  size_t header_bytes_max_;
  size_t body_bytes_max_;
  std::unique_ptr<State> state_;
  std::string pending_;
  int error_status_ = 0;
  std::string error_text_;
};

}  // namespace weir::http
