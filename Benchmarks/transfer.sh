#!/usr/bin/env bash
# Times the grafting of a DiT-XL/2 of 2.7 GB beside a plain copy of the file followed by the same sync, in turn.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-5}
graftc=$PWD/.build/release/graftc
mkdir -p "$folder"
trap 'rm -f "$folder"/copy.pt "$folder"/out.safetensors' EXIT

cat >"$folder/noise.graft" <<'GRAFT'
graft "xl2-noise" { base dit.xl2(image: 256) noise(seed: 0)  emit "xl2.pt" }
GRAFT
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
[[ -f $folder/xl2.pt ]] || "$graftc" compile "$folder/noise.graft"

now() { date +%s.%N; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a - b }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

peak=0
graft() {
  local start
  rm -f "$folder/out.safetensors" # As the copy: replacing a file also pays for freeing the old one.
  start=$(now)
  "$graftc" compile "$folder/$1.graft" -o "$folder/out.safetensors" --force --quiet >/dev/null &
  local pid=$!
  while [[ -r /proc/$pid/status ]]; do
    local anonymous
    anonymous=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    ((${anonymous:-0} > peak)) && peak=$anonymous
    sleep 0.02
  done
  wait "$pid"
  minus "$(now)" "$start" >>"$folder/$1.seconds"
}

copy() {
  local start
  start=$(now)
  cp "$folder/xl2.pt" "$folder/copy.pt"
  sync "$folder/copy.pt"
  minus "$(now)" "$start" >>"$folder/copy.seconds"
  rm -f "$folder/copy.pt"
}

rm -f "$folder"/*.seconds
cat "$folder/xl2.pt" >/dev/null # Into the page cache, for all alike.
for ((round = 0; round < repeats; round++)); do
  copy
  graft pairs
  graft swap
done
base=$(median <"$folder/copy.seconds")
for name in copy pairs swap; do
  seconds=$(median <"$folder/$name.seconds")
  awk -v n="$name" -v s="$seconds" -v b="$base" 'BEGIN { printf "%-6s %7.2f s  %.2f of a copy\n", n, s, s / b }'
done
echo "peak of private memory (RssAnon): $((peak / 1024)) MB"
