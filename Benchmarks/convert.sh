#!/usr/bin/env bash
# Times the conversion of a DiT-XL/2 of 2.7 GB from PyTorch to safetensors beside plain copies of the file, in turn: as it
# is, to bf16, and to bf16 within 32 MB. GRAFT_PYTHON, an interpreter with torch and safetensors, adds the Python routes.
# graftc syncs what it writes; of the others only 'copy+sync' does.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-5}
source Benchmarks/measuring.sh
trap 'rm -f "$folder"/converted.*' EXIT

make_xl2
output=$folder/converted.safetensors

# From an open file on, without the start of the interpreter and its imports.
route='
import sys, time, torch
from safetensors.torch import save_file
start = time.perf_counter()
state = torch.load(sys.argv[1], map_location="cpu", weights_only=True, mmap=True)
if sys.argv[3:]:
    state = {name: tensor.to(torch.bfloat16) for name, tensor in state.items()}
save_file(state, sys.argv[2])
print(time.perf_counter() - start)
'

copy() {
  local start
  rm -f "$output"
  start=$(now)
  cp --reflink=never "$folder/xl2.pt" "$output"
  [[ $1 == copy ]] || sync "$output"
  minus "$(now)" "$start" >>"$folder/$1.seconds"
}

rm -f "$folder"/*.seconds "$folder"/*.peak
cat "$folder/xl2.pt" >/dev/null # Into the page cache, for all alike.
names=(copy copy+sync)
[[ -z ${GRAFT_PYTHON:-} ]] || names+=(python python-bf16)
names+=(same bf16 bf16-32MB)
for ((round = 0; round < repeats; round++)); do
  copy copy
  copy copy+sync
  if [[ -n ${GRAFT_PYTHON:-} ]]; then
    python python "$folder/xl2.pt" "$output"
    python python-bf16 "$folder/xl2.pt" "$output" bf16
  fi
  graft same "$folder/xl2.pt" "$output"
  graft bf16 "$folder/xl2.pt" "$output" --dtype bf16
  graft bf16-32MB "$folder/xl2.pt" "$output" --dtype bf16 --max-memory 32MB
done

base=$(median <"$folder/copy.seconds")
synced=$(median <"$folder/copy+sync.seconds")
for name in "${names[@]}"; do
  seconds=$(median <"$folder/$name.seconds")
  awk -v n="$name" -v s="$seconds" -v b="$base" -v c="$synced" \
    'BEGIN { printf "%-12s %7.2f s  %.2f of a copy, %.2f of one with sync\n", n, s, s / b, s / c }'
done
echo "peak of private memory (RssAnon): $(peak_of same bf16) MB, $(peak_of bf16-32MB) MB with --max-memory 32MB"
