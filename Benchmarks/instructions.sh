#!/usr/bin/env bash
# Counts the instructions of the hot kernels under callgrind, which knows no AVX-512 and so sees the AVX2 variants, and
# compares them with instructions.txt, so that a regression shows without a quiet machine. Debian's package: valgrind.
# instructions.sh [record]
set -euo pipefail
cd "$(dirname "$0")/.."
recorded=Benchmarks/instructions.txt
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Swift's debug sections are newer than callgrind reads.
objcopy --strip-debug .build/release/graftc "$folder/graftc"

count() {
  valgrind --tool=callgrind --callgrind-out-file="$folder/$1.out" "$folder/graftc" bench "$2" "${@:3}" \
    --random-weights --threads 1 --repeats 1 --quiet >/dev/null 2>"$folder/$1.log" || { cat "$folder/$1.log" >&2; exit 1; }
  # Inclusive counts of C kernels: those that loops of theirs call are in them.
  callgrind_annotate --threshold=100 --inclusive=yes "$folder/$1.out" 2>/dev/null \
    | sed -nE 's/^ *([0-9,]+).*[:*](graft_[a-z0-9_]+).*$/\1 \2/p' | tr -d , \
    | awk -v model="$1" '$1 >= 20000 && $2 != "graft_draw_normal" && !seen[$2]++ { print model, $2, $1 }' | sort
}

{
  count mha 'mha(width: 128, heads: 4)' --set N=256
  count mlp 'mlp(width: 128)' --set N=128
  count mlp-bf16 'mlp(width: 128)' --set N=128 --dtype bf16
  count hyena_x 'hyena_x(width: 128)' --set N=256
  count mamba2 'mamba2(width: 128)' --set N=128
  count dit 'dit(size: 8, patch: 2, width: 128, depth: 1, heads: 4)'
  count dit-int8 'dit(size: 8, patch: 2, width: 128, depth: 1, heads: 4)' --batch 8 --dtype int8
} >"$folder/counted"

if [[ ${1:-} == record ]]; then
  cp "$folder/counted" "$recorded"
  wc -l "$recorded"
  exit
fi
awk 'NR == FNR { before[$1 " " $2] = $3; next }
  { key = $1 " " $2; ratio = key in before ? sprintf("%.3f", $3 / before[key]) : "new"; print key, $3, ratio }' \
  "$recorded" "$folder/counted" | column -t
