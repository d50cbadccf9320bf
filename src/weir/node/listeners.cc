#include "weir/node/listeners.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/node/settings.h"

namespace weir::node {
namespace {

constexpr std::string_view kDefaultHost = "localhost";

struct NamedEndpoint {
  std::string name;
  runtime::Endpoint endpoint;
};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

bool is_every_address(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

class Chooser {
 public:
  Chooser(const Settings& settings, const ConfigInput& input) : settings_(settings), input_(input) {}

  std::expected<ChosenListeners, Problems> run() {
    controller_names_ = list_of(settings_, "controller.listener.names");
    for (std::string& name : controller_names_) name = upper(name);
    std::vector<NamedEndpoint> listeners = endpoints("listeners");
    const std::vector<NamedEndpoint> advertised = endpoints("advertised.listeners");
    if (!settings_.contains("listeners")) {
      listeners = {{"PLAINTEXT", {std::string(kDefaultHost), kDefaultPort}}};
    }
    find_controller(listeners);
    move_ports(listeners);
    for (const NamedEndpoint& listener : listeners) check_protocol(listener.name);
    check_collisions(listeners);
    check_advertised(listeners, advertised);
    for (const NamedEndpoint& listener : listeners) add(listener, advertised);
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    return std::move(chosen_);
  }

 private:
  void problem(std::string_view option, std::string_view sentence) {
    problems_.push_back(problem_at(where_set(settings_, option), sentence));
  }
  bool is_controller(std::string_view name) const {
    return std::ranges::find(controller_names_, name) != controller_names_.end();
  }

  std::vector<NamedEndpoint> endpoints(std::string_view option) {
    std::vector<NamedEndpoint> found;
    if (!settings_.contains(option)) return found;
    for (const std::string& text : list_of(settings_, option)) {
      const size_t mark = text.find("://");
      const std::string name = upper(std::string_view(text).substr(0, mark));
      const auto endpoint = mark == std::string::npos ? std::nullopt : runtime::Endpoint::parse(std::string_view(text).substr(mark + 3));
      if (!endpoint || name.empty()) {
        problem(option, fmt::format("{} has \"{}\", which is not of the form NAME://host:port", option, text));
        continue;
      }
      const bool is_twice = std::ranges::any_of(found, [&](const NamedEndpoint& other) { return other.name == name; });
      if (is_twice) problem(option, fmt::format("{} has the listener {} twice", option, name));
      found.push_back({name, *endpoint});
    }
    return found;
  }

  // Kafka wants the controller's listener named; where nothing is said about it, there is one on the next port.
  void find_controller(std::vector<NamedEndpoint>& listeners) {
    const auto is_listed = [&](const std::string& name) {
      return std::ranges::any_of(listeners, [&](const auto& l) { return l.name == name; });
    };
    if (controller_names_.empty()) {
      controller_names_ = {"CONTROLLER"};
      if (!is_listed("CONTROLLER")) {
        const uint16_t base = listeners.empty() ? kDefaultPort : listeners.front().endpoint.port;
        listeners.push_back({"CONTROLLER", {std::string(kDefaultHost), static_cast<uint16_t>(base == 0 ? 0 : base + 1)}});
      }
      return;
    }
    for (const std::string& name : controller_names_) {
      if (!is_listed(name)) {
        problem("controller.listener.names",
                fmt::format("controller.listener.names names {}, which is not among the listeners", name));
      }
    }
    const bool has_client = std::ranges::any_of(listeners, [&](const auto& l) { return !is_controller(l.name); });
    if (!listeners.empty() && !has_client) problem("listeners", "listeners has none for clients: every one is the controller's");
  }

  void move_ports(std::vector<NamedEndpoint>& listeners) {
    if (!input_.port) return;
    const auto first = [&](bool controller) {
      return std::ranges::find_if(listeners, [&](const auto& l) { return is_controller(l.name) == controller; });
    };
    if (const auto client = first(false); client != listeners.end()) client->endpoint.port = *input_.port;
    if (const auto controller = first(true); controller != listeners.end()) {
      controller->endpoint.port = static_cast<uint16_t>(*input_.port == 0 ? 0 : *input_.port + 1);
    }
  }

  std::optional<std::string> protocol_of(const std::string& name) const {
    if (settings_.contains("listener.security.protocol.map")) {
      for (const std::string& pair : list_of(settings_, "listener.security.protocol.map")) {
        const size_t colon = pair.find(':');
        if (colon != std::string::npos && upper(std::string_view(pair).substr(0, colon)) == name)
          return upper(std::string_view(pair).substr(colon + 1));
      }
      return std::nullopt;
    }
    if (name == "PLAINTEXT" || name == "SSL" || name == "SASL_PLAINTEXT" || name == "SASL_SSL") return name;
    if (is_controller(name)) return "PLAINTEXT";
    return std::nullopt;
  }

  void check_protocol(const std::string& name) {
    const std::optional<std::string> protocol = protocol_of(name);
    const std::string_view option =
        settings_.contains("listener.security.protocol.map") ? "listener.security.protocol.map" : "listeners";
    if (!protocol) {
      // The controller's own default listener needs no entry.
      const bool is_ours = is_controller(name) && !settings_.contains("controller.listener.names");
      if (!is_ours)
        problem(option,
                fmt::format("listener {0} has no security protocol\nadd {0}:PLAINTEXT to listener.security.protocol.map", name));
    } else if (*protocol != "PLAINTEXT") {
      problem(option, fmt::format("listener {} wants {}, and only PLAINTEXT is served yet: TLS and SASL are still to come\n"
                                  "refused, because serving it in the clear would be worse than not at all",
                                  name, *protocol));
    }
  }

  void check_collisions(const std::vector<NamedEndpoint>& listeners) {
    for (size_t i = 0; i < listeners.size(); ++i) {
      for (size_t j = i + 1; j < listeners.size(); ++j) {
        const auto& [name, one] = listeners[i];
        const auto& [other_name, other] = listeners[j];
        const bool same_host = one.host == other.host || is_every_address(one.host) || is_every_address(other.host);
        if (one.port != 0 && one.port == other.port && same_host) {
          problem("listeners", fmt::format("listeners {} and {} both want port {}", name, other_name, one.port));
        }
      }
    }
  }

  void check_advertised(const std::vector<NamedEndpoint>& listeners, const std::vector<NamedEndpoint>& advertised) {
    for (const NamedEndpoint& entry : advertised) {
      const bool known = std::ranges::any_of(listeners, [&](const auto& l) { return l.name == entry.name; });
      if (!known)
        problem("advertised.listeners",
                fmt::format("advertised.listeners names {}, which is not among the listeners", entry.name));
      if (is_every_address(entry.endpoint.host)) {
        problem("advertised.listeners", fmt::format("advertised.listeners has {}://{}: no client can connect to every address\n"
                                                    "name the host that clients should use",
                                                    entry.name, entry.endpoint.text()));
      }
    }
  }

  void add(const NamedEndpoint& listener, const std::vector<NamedEndpoint>& advertised) {
    const bool controller = is_controller(listener.name);
    const auto named = std::ranges::find(advertised, listener.name, &NamedEndpoint::name);
    runtime::Endpoint told = named != advertised.end() ? named->endpoint : listener.endpoint;
    if (named != advertised.end() && input_.port && told.port != 0) told.port = moved_port(listener, told.port);
    if (named == advertised.end() && is_every_address(told.host)) {
      if (!controller && !told.host.empty()) {
        problem("listeners", fmt::format("listener {}://{} is on every address, and clients must be told one\n"
                                         "set advertised.listeners={}://NAME:{}",
                                         listener.name, listener.endpoint.text(), listener.name, listener.endpoint.port));
      }
      told.host = input_.host_name.empty() ? std::string(kDefaultHost) : input_.host_name;
    }
    if (settings_.contains("listeners") && !is_loopback(listener.endpoint.host)) {
      chosen_.warnings.push_back(problem_at(
          where_set(settings_, "listeners"),
          fmt::format(
              "listener {}://{} can be reached from other machines, and there is no authentication yet: whoever reaches it can "
              "read, change and delete everything. Keep it on a network that you trust",
              listener.name, listener.endpoint.text())));
    }
    const auto at =
        controller
            ? chosen_.listeners.size()
            : static_cast<size_t>(std::ranges::count(chosen_.listeners, false, &server::ListenerOptions::serves_controller));
    chosen_.listeners.insert(chosen_.listeners.begin() + static_cast<ptrdiff_t>(at),
                             {listener.name, listener.endpoint, controller});
    chosen_.advertised.insert(chosen_.advertised.begin() + static_cast<ptrdiff_t>(at), std::move(told));
  }

  // --port moved this listener: what was advertised moves with it.
  uint16_t moved_port(const NamedEndpoint& listener, uint16_t advertised) const {
    const bool was_moved =
        listener.endpoint.port == *input_.port || (is_controller(listener.name) && listener.endpoint.port == *input_.port + 1);
    return was_moved ? listener.endpoint.port : advertised;
  }

  const Settings& settings_;
  const ConfigInput& input_;
  std::vector<std::string> controller_names_;
  ChosenListeners chosen_;
  Problems problems_;
};

}  // namespace

bool is_loopback(std::string_view host) { return host == "localhost" || host.starts_with("127.") || host == "::1"; }

std::expected<ChosenListeners, Problems> choose_listeners(const Settings& settings, const ConfigInput& input) {
  return Chooser(settings, input).run();
}

}  // namespace weir::node
