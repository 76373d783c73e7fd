#!/usr/bin/env bash
# Every graft of the zoo on seeded weights: parameters and multiply-adds of what comes out, and the median of three times of
# `graftc check`, which compiles and checks it, and of `graftc plan`, which also prints all figures. Bare of the program's start, which
# stands in the first line.
#
#     Benchmarks/zoo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

make --quiet build >&2
graftc=$PWD/.build/release/graftc

# The median of three times of a command, in milliseconds.
milliseconds() {
  for _ in 1 2 3; do
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>&1
    local end=$EPOCHREALTIME
    echo $(((${end/[.,]/} - ${start/[.,]/}) / 1000))
  done | sort -n | sed -n 2p
}

number() { grep -o "\"grafted\":{.*" <<<"$plan" | grep -o "\"$1\":[0-9]*" | head -1 | cut -d: -f2; }

"$graftc" version
echo "program alone: $(milliseconds "$graftc" version) ms"
printf '%-36s %14s %18s %9s %9s\n' graft parameters multiply-adds check plan
for graft in $("$graftc" zoo | sed -n '/^grafts/,/^operators/s/^  \([^ ]*\).*/\1/p'); do
  plan=$("$graftc" plan "$graft" --base noise --json --quiet)
  printf '%-36s %14s %18s %6s ms %6s ms\n' "$graft" "$(number parameters)" "$(number macs)" \
    "$(milliseconds "$graftc" check "$graft" --base noise)" "$(milliseconds "$graftc" plan "$graft" --base noise)"
done
