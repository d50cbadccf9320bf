// Every configuration option that Weir knows: Kafka 4.3's topic, broker, group and client-metrics options under Kafka's
// names, and Weir's own. One constexpr row each (config_rows_*.h); whoever parses a file, validates a request or describes
// a resource reads the rows, so that an option is written down once.
//
// Source   the option definitions of Apache Kafka 4.3.1 (names, types, defaults, ranges, how each may be changed).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "weir/base/error.h"

namespace weir::metadata {

enum class ConfigScope : uint8_t { kTopic, kBroker, kGroup, kClientMetrics };

// The numbers are those of DescribeConfigs.
enum class ConfigType : int8_t {
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kShort = 4,
  kLong = 5,
  kDouble = 6,
  kList = 7,
  kClass = 8,
  kPassword = 9,
};

// How a broker option may be changed while brokers run. Other scopes are always changed while they run.
enum class ConfigUpdate : uint8_t {
  kRestart,      // only in the configuration file
  kPerBroker,    // for one broker
  kClusterWide,  // for one broker or as the default of all
};

// What Weir does with the option today. `reason_of` says it in words.
enum class ConfigEffect : uint8_t {
  kHonoured,
  // Accepted and described, without effect:
  kNoCompaction,
  kNoConsumerGroups,
  kNoShareGroups,
  kNoStreamsGroups,
  kNoTransactions,
  kNoTelemetry,
  kOneNode,
  kNoTiering,
  kNoTls,
  kNoSasl,
  kNoTokens,
  kNoQuotas,
  kNoLogMoves,
  kNoConnectionLimits,
  kJvmOnly,
  kOwnThreads,
  kNoPreallocation,
  kNoPurgatory,
  kMetadataRolls,
  kRequestsByBytes,
  kNoCordon,
  kNoAuthorizer,
  kDoneOtherwise,
  // Any value but the default is refused:
  kRefusedPlugin,
  kRefusedAuthorizer,
  kRefusedTiering,
};

enum class ConfigStatus : uint8_t { kHonoured, kAccepted, kRefused };
ConfigStatus status_of(ConfigEffect effect);
std::string_view reason_of(ConfigEffect effect);  // empty when honoured

// What a value must satisfy beyond its type.
struct ConfigCheck {
  enum class Kind : uint8_t { kAny, kRange, kOneOf, kOneOfAnyCase, kList, kNotEmpty, kGzipLevel, kThrottledReplicas };
  Kind kind = Kind::kAny;
  double min = 0;
  double max = 0;
  std::string_view members;   // comma separated; kList: empty allows any
  bool empty_allowed = true;  // kList
};

struct ConfigOption {
  std::string_view name;
  ConfigType type;
  std::optional<std::string_view> default_value;  // none: null, or required when `required`
  ConfigCheck check;
  ConfigUpdate update;
  ConfigEffect effect;
  std::string_view doc;
  bool internal = false;  // understood, never described
  bool required = false;
  bool only_dynamic = false;  // cannot stand in a configuration file (replication throttles)

  bool is_sensitive() const { return type == ConfigType::kPassword; }
};

// All options of a scope, sorted by name.
std::span<const ConfigOption> options_of(ConfigScope scope);
// nullptr when there is none.
const ConfigOption* find_option(ConfigScope scope, std::string_view name);
// The known name most like `name`, for "did you mean"; empty when none is near.
std::string_view nearest_option(ConfigScope scope, std::string_view name);

// A topic option stands for these broker options, the first that is set wins; values are multiplied by `unit`.
struct BrokerSynonym {
  std::string_view topic_option;
  std::string_view broker_option;
  int64_t unit = 1;
};
std::span<const BrokerSynonym> broker_synonyms(std::string_view topic_option);

using ConfigValue = std::variant<bool, int64_t, double, std::string, std::vector<std::string>>;

// Reads `text` as a value of `option` and checks it. Errors: kInvalidConfig with a sentence that names option, value and
// what is allowed. Values of refused options other than the default are such an error.
Result<ConfigValue> parse_value(const ConfigOption& option, std::string_view text);

// "-1 .. 2147483647", "one of delete, compact": for messages and the generated documentation. Empty when anything goes.
std::string allowed_text(const ConfigOption& option);
std::string_view type_text(ConfigType type);  // "INT", as Kafka writes them

}  // namespace weir::metadata
