#include "weir/http/parser.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "weir/base/assert.h"

namespace weir::http {

namespace beast = boost::beast;

struct RequestParser::State {
  beast::http::request_parser<beast::http::string_body> parser;
};

RequestParser::RequestParser(size_t header_bytes_max, size_t body_bytes_max)
    : header_bytes_max_(header_bytes_max), body_bytes_max_(body_bytes_max) {
  (void)parse();
}

RequestParser::~RequestParser() = default;

bool RequestParser::feed(std::string_view bytes) {
  WEIR_ASSERT(error_status_ == 0, error_status_);
  pending_.append(bytes);
  return parse();
}

bool RequestParser::is_complete() const { return state_->parser.is_done(); }
bool RequestParser::keep_alive() const { return state_->parser.get().keep_alive(); }

Request RequestParser::take() {
  WEIR_ASSERT(is_complete());
  auto message = state_->parser.release();
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) request.fields.push_back({std::string(field.name_string()), std::string(field.value())});
  request.body = std::move(message.body());
  state_.reset();
  (void)parse();
  return request;
}

bool RequestParser::parse() {
  if (state_ == nullptr) {
    state_ = std::make_unique<State>();
    state_->parser.eager(true);
    state_->parser.header_limit(static_cast<uint32_t>(header_bytes_max_));
    state_->parser.body_limit(body_bytes_max_);
  }
  while (!pending_.empty() && !state_->parser.is_done()) {
    beast::error_code error;
    const size_t used = state_->parser.put(boost::asio::buffer(pending_), error);
    pending_.erase(0, used);
    if (error == beast::http::error::need_more) break;
    if (error) {
      const bool too_large = error == beast::http::error::body_limit || error == beast::http::error::header_limit;
      error_status_ = too_large ? 413 : 400;
      error_text_ = error.message();
      return false;
    }
    if (used == 0) break;
  }
  return true;
}

}  // namespace weir::http
