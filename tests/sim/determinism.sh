#!/usr/bin/env bash
# Property: one seed gives one fingerprint in any process, wherever the loader puts it. Fails when an address, a hash order,
# uninitialised memory or the environment decides anything.
#   determinism.sh WEIR_SIM [ARGUMENT]...
set -euo pipefail
program="$1"
shift
first="$("$program" --fingerprints "$@" | grep ' fingerprint ')"
second="$(env -i LONG_LINE_IN_THE_ENVIRONMENT="$(printf '%4000s' x)" "$program" --fingerprints "$@" | grep ' fingerprint ')"
[[ -n "$first" && "$first" == "$second" ]] || { diff <(echo "$first") <(echo "$second"); exit 1; }
if setarch -R true 2>/dev/null; then
  fixed="$(setarch -R "$program" --fingerprints "$@" | grep ' fingerprint ')"
  [[ "$first" == "$fixed" ]] || { diff <(echo "$first") <(echo "$fixed"); exit 1; }
else
  echo "setarch -R is not allowed here: not compared without address space randomisation"
fi
echo "$(echo "$first" | wc -l) seeds, the same in every process"
