#!/usr/bin/env bash
# Times the grafting of a DiT-XL/2 of 2.7 GB beside a plain copy of the file followed by the same sync, in turn.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-5}
source Benchmarks/measuring.sh
trap 'rm -f "$folder"/copy.pt "$folder"/out.safetensors' EXIT

make_xl2
cat >"$folder/pairs.graft" <<'GRAFT'
graft "xl2-pairs" {
    base dit.xl2(image: 256) from "xl2.pt"
    parallelize blocks in pairs with merge_linear(start: average)
    emit "out.safetensors"
}
GRAFT
cat >"$folder/swap.graft" <<'GRAFT'
graft "xl2-swap" {
    base dit.xl2(image: 256) from "xl2.pt"
    replace blocks[odd].attn with hyena_x() starting fresh
    emit "out.safetensors"
}
GRAFT

compile() {
  rm -f "$folder/out.safetensors" # As the copy: replacing a file also pays for freeing the old one.
  measure "$1" compile "$folder/$1.graft" -o "$folder/out.safetensors" --force --quiet
}

copy() {
  local start
  start=$(now)
  cp "$folder/xl2.pt" "$folder/copy.pt"
  sync "$folder/copy.pt"
  minus "$(now)" "$start" >>"$folder/copy.seconds"
  rm -f "$folder/copy.pt"
}

rm -f "$folder"/*.seconds "$folder"/*.peak
cat "$folder/xl2.pt" >/dev/null # Into the page cache, for all alike.
for ((round = 0; round < repeats; round++)); do
  copy
  compile pairs
  compile swap
done
base=$(median <"$folder/copy.seconds")
for name in copy pairs swap; do
  seconds=$(median <"$folder/$name.seconds")
  awk -v n="$name" -v s="$seconds" -v b="$base" 'BEGIN { printf "%-6s %7.2f s  %.2f of a copy\n", n, s, s / b }'
done
echo "peak of private memory (RssAnon): $(peak_of pairs swap) MB"
