#!/usr/bin/env bash
# Times the verification of a DiT-XL/2 whose attention adopts itself, beside a bench of the original with one repeat (two
# forward passes, and BLAS alone) in turn, and prints the peak of private memory.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-3}
source Benchmarks/measuring.sh

make_xl2
cat >"$folder/self.graft" <<'GRAFT'
graft "xl2-self" {
    base dit.xl2(image: 256) from "xl2.pt"
    replace blocks[all].attn with mha() starting adopted
    emit "xl2-self.safetensors"
}
GRAFT
[[ -f $folder/xl2-self.safetensors ]] || "$graftc" compile "$folder/self.graft"

rm -f "$folder"/*.seconds "$folder"/*.peak
cat "$folder/xl2.pt" "$folder/xl2-self.safetensors" >/dev/null # Into the page cache, for all alike.
for ((round = 0; round < repeats; round++)); do
  measure forward bench "$folder/xl2.pt" --batch 2 --repeats 1
  measure graft verify "$folder/self.graft" --batch 2
  measure checkpoint verify "$folder/xl2-self.safetensors" --batch 2
done
base=$(median <"$folder/forward.seconds")
for name in forward graft checkpoint; do
  awk -v n="$name" -v s="$(median <"$folder/$name.seconds")" -v b="$base" -v p="$(peak_of "$name")" \
    'BEGIN { printf "%-10s %7.2f s  %.2f of a bench of one repeat  %d MB private\n", n, s, s / b, p }'
done
