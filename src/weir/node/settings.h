// Gathers settings from their sources and checks each by its row in the option table.
#pragma once

#include "weir/node/config.h"

namespace weir::node {

struct GatheredSettings {
  Settings settings;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;
  Problems problems;
};

GatheredSettings gather_settings(const ConfigInput& input);

// "server.properties:14: sentence"; "weir: sentence" for what has no place of its own.
std::string problem_at(std::string_view from, std::string_view sentence);

// Where an option was set, for problem_at; "" when it was not.
std::string where_set(const Settings& settings, std::string_view option);

// A whole number or boolean (as 0 and 1) of the settings, else its default; the option exists and has one.
int64_t number_of(const Settings& settings, std::string_view option);
std::string text_of(const Settings& settings, std::string_view option);  // "" when neither set nor defaulted
std::vector<std::string> list_of(const Settings& settings, std::string_view option);

}  // namespace weir::node
