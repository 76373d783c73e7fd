#!/usr/bin/env bash
# Times the verification of a DiT-XL/2 whose attention adopts itself, beside a bench of the original with one repeat (two
# forward passes, and BLAS alone) in turn, and prints the peak of private memory.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-3}
graftc=$PWD/.build/release/graftc
mkdir -p "$folder"

cat >"$folder/noise.graft" <<'GRAFT'
graft "xl2-noise" { base dit.xl2(image: 256) noise(seed: 0)  emit "xl2.pt" }
GRAFT
cat >"$folder/self.graft" <<'GRAFT'
graft "xl2-self" {
    base dit.xl2(image: 256) from "xl2.pt"
    replace blocks[all].attn with mha() starting adopted
    emit "xl2-self.safetensors"
}
GRAFT
[[ -f $folder/xl2.pt ]] || "$graftc" compile "$folder/noise.graft"
[[ -f $folder/xl2-self.safetensors ]] || "$graftc" compile "$folder/self.graft"

now() { date +%s.%N; }
median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# Runs graftc and adds its seconds to the file NAME.seconds and its peak of private memory, in KB, to NAME.peak.
measure() {
  local name=$1 start peak=0 anonymous
  shift
  start=$(now)
  "$graftc" "$@" >/dev/null 2>&1 &
  local pid=$!
  while [[ -r /proc/$pid/status ]]; do
    anonymous=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    ((${anonymous:-0} > peak)) && peak=$anonymous
    sleep 0.02
  done
  wait "$pid"
  awk -v a="$(now)" -v b="$start" 'BEGIN { printf "%.3f\n", a - b }' >>"$folder/$name.seconds"
  echo "$peak" >>"$folder/$name.peak"
}

rm -f "$folder"/*.seconds "$folder"/*.peak
cat "$folder/xl2.pt" "$folder/xl2-self.safetensors" >/dev/null # Into the page cache, for all alike.
for ((round = 0; round < repeats; round++)); do
  measure forward bench "$folder/xl2.pt" --batch 2 --repeats 1
  measure graft verify "$folder/self.graft" --batch 2
  measure checkpoint verify "$folder/xl2-self.safetensors" --batch 2
done
base=$(median <"$folder/forward.seconds")
for name in forward graft checkpoint; do
  awk -v n="$name" -v s="$(median <"$folder/$name.seconds")" -v b="$base" -v p="$(sort -n <"$folder/$name.peak" | tail -1)" \
    'BEGIN { printf "%-10s %7.2f s  %.2f of a bench of one repeat  %d MB private\n", n, s, s / b, p / 1024 }'
done
