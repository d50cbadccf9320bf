#include "weir/cli/complete.h"

#include <cstdio>

#include <fmt/format.h>

#include "weir/cli/commands.h"
#include "weir/cli/report.h"
#include "weir/client/admin.h"
#include "weir/client/admin_groups.h"
#include "weir/client/bootstrap.h"
#include "weir/runtime/real/process.h"

namespace weir::cli {

namespace {

constexpr Duration kPatienceOfATab = 500ms;

// The program itself says what may come next: one candidate a line; a line that begins with ':' says how to go on.
constexpr std::string_view kBash = R"SH(# bash completion of weir:  source <(weir completion bash)
_weir() {
  local line cut=''
  COMPREPLY=()
  # bash cuts words at '=' and ':'; the program gets the line whole.
  local typed="${COMP_LINE:0:COMP_POINT}" last
  last="${typed##*[[:space:]]}"
  local current="${COMP_WORDS[COMP_CWORD]}"
  [[ "$current" == [=:] ]] && current=''
  cut="${last%"$current"}"
  while IFS= read -r line; do
    case "$line" in
      :files) compopt -o default 2>/dev/null ;;
      :nospace) compopt -o nospace 2>/dev/null ;;
      *) COMPREPLY+=("${line#"$cut"}") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete --line "$typed" 2>/dev/null)
}
complete -F _weir weir
)SH";

constexpr std::string_view kZsh = R"SH(#compdef weir
# zsh completion of weir:  source <(weir completion zsh), or as a file _weir in a directory of $fpath
_weir() {
  local line
  local -a found suffix
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case "$line" in
      '') ;;
      :files) _files ;;
      :nospace) suffix=(-S '') ;;
      *) found+=("$line") ;;
    esac
  done
  (( ${#found} )) && compadd "${suffix[@]}" -- "${found[@]}"
}
if [ "${funcstack[1]}" = "_weir" ]; then
  _weir "$@"
else
  compdef _weir weir
fi
)SH";

constexpr std::string_view kFish = R"SH(# fish completion of weir:  weir completion fish | source
function __weir_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c weir -f -a '(__weir_complete)'
)SH";

runtime::Task<Result<std::vector<std::string>>> ask_names(client::Cluster& cluster, ClusterNames kind, std::string resource, client::Patience patience) {
  std::vector<std::string> names;
  if (kind == ClusterNames::kGroups) {
    client::GroupAdmin groups(cluster);
    WEIR_CO_TRY(const auto listed, co_await groups.list(patience));
    for (const client::ListedGroup& group : listed) names.push_back(group.name);
    co_return names;
  }
  if (kind == ClusterNames::kTopics || kind == ClusterNames::kBrokers) {
    WEIR_CO_TRY(const auto topics, co_await cluster.all_topics(patience));
    if (kind == ClusterNames::kTopics) for (const client::TopicPtr& topic : topics) names.push_back(topic->name);
    else for (const client::Broker& broker : cluster.brokers()) names.push_back(fmt::to_string(broker.id));
    co_return names;
  }
  client::Admin admin(cluster);
  const auto type = kind == ClusterNames::kTopicOptions ? client::ResourceType::kTopic : client::ResourceType::kBroker;
  WEIR_CO_TRY(const auto entries, co_await admin.describe_configs({type, resource}, patience));
  for (const client::ConfigEntry& entry : entries) names.push_back(entry.name);
  co_return names;
}

runtime::Task<int> ask_cluster(runtime::Environment& env, client::ClientOptions options, ClusterNames kind, std::string resource, std::vector<std::string>* names) {
  client::Cluster cluster(env, std::move(options));
  const client::Patience patience{Deadline::at(env.executor.now() + kPatienceOfATab), {}};
  auto found = co_await ask_names(cluster, kind, std::move(resource), patience);
  if (found) *names = std::move(*found);
  co_await cluster.shut_down();
  co_return 0;
}

}  // namespace

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  return shell == "fish" ? kFish : "";
}

int completion(const std::string& shell) {
  const std::string_view script = completion_script(shell);
  std::fwrite(script.data(), 1, script.size(), stdout);
  return kDone;
}

std::vector<std::string> names_of_cluster(const std::string& bootstrap, ClusterNames kind, const std::string& resource) {
  std::vector<std::string> names;
  auto endpoints = client::parse_bootstrap(bootstrap);
  if (!endpoints) return names;
  runtime::RealProcess process({.log_level = LogLevel::kError});
  (void)process.run(ask_cluster, client::ClientOptions{.bootstrap = std::move(*endpoints), .client_id = "weir-cli"}, kind, resource, &names);
  return names;
}

}  // namespace weir::cli
