// Rows of /metrics that are looked up only when somebody asks (Prometheus text, exposition format 0.0.4). What is counted as it
// happens stands in a MetricRegistry (metrics.h), where the rules of names are.
#pragma once

#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace weir {

// A label's value as it stands between the quotes.
std::string escaped_label(std::string_view value);

// One family: what it is, then its values. The text it writes to outlives it.
class MetricRows {
 public:
  MetricRows(std::string& text, std::string_view name, std::string_view type, std::string_view help) : text_(text), name_(name) {
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  template <typename T>
  void add(T value) {
    fmt::format_to(std::back_inserter(text_), "{} {}\n", name_, value);
  }
  // `labels` as they stand between the braces, escaped.
  template <typename T>
  void add(std::string_view labels, T value) {
    fmt::format_to(std::back_inserter(text_), "{}{{{}}} {}\n", name_, labels, value);
  }

 private:
  std::string& text_;
  std::string_view name_;
};

// A family of one value.
template <typename T>
void add_metric(std::string& text, std::string_view name, std::string_view type, std::string_view help, T value) {
  MetricRows(text, name, type, help).add(value);
}

}  // namespace weir
