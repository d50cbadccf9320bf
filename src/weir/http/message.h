// HTTP messages as plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::http {

struct Field {
  std::string name;
  std::string value;
};

struct Request {
  std::string method;  // "GET"
  std::string target;  // "/metrics?x=1", as sent
  std::vector<Field> fields;
  std::string body;

  // The target without its query.
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<Field> fields;
  std::string body;
};

}  // namespace weir::http
