#!/usr/bin/env bash
# How soon a DiT-XL/2 of 2.7 GB in page cache runs, what memory is its own at batch 2, and what a sampling of 50 steps
# costs beside 50 forward passes.
# start.sh [FOLDER] [REPEATS]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-/tmp/graft-benchmark}
repeats=${2:-5}
unset "${!OPENBLAS_@}"
source Benchmarks/measuring.sh

make_xl2
model=$folder/xl2.safetensors
[[ -f $model ]] || "$graftc" convert "$folder/xl2.pt" "$model" --quiet
cat "$model" >/dev/null

# Seconds from the start of the process until it is planned, and the process's own memory after one pass.
first_kernel() {
  local start ready pass process
  start=$EPOCHREALTIME
  coproc served { exec "$graftc" bench "$model" --batch 2 --serve --quiet; }
  process=$served_PID
  read -r ready <&"${served[0]}"
  minus "$EPOCHREALTIME" "$start" >>"$folder/ready.seconds"
  [[ $ready == ready ]]
  echo >&"${served[1]}"
  read -r pass <&"${served[0]}"
  awk '/^RssAnon/ { print $2 / 1024 }' "/proc/$process/status" >>"$folder/own.megabytes"
  exec {served[1]}>&-
  wait "$process"
}

rm -f "$folder"/ready.seconds "$folder"/own.megabytes
for ((i = 0; i < repeats; i++)); do first_kernel; done
awk -v a="$(median <"$folder/ready.seconds")" -v b="$(median <"$folder/own.megabytes")" \
  'BEGIN { printf "from the start of the process to the first kernel: %.3f s; private memory after a pass: %.0f MB\n", a, b }'

# One picture with guidance is a batch of two. Half of the forward passes run before the sampling and half after it, so
# that a machine that slows down meanwhile does so for both.
forwards() {
  "$graftc" bench "$model" --batch 2 --repeats 25 --json --quiet | sed 's/.*"mean": *\([0-9.e-]*\).*/\1/'
}
rm -f "$folder"/{sample,forward,ratio}.seconds
for ((i = 0; i < (repeats + 4) / 5; i++)); do
  before=$(forwards)
  start=$(now)
  "$graftc" sample "$model" --labels 207 --steps 50 --guidance 4 --seed 0 -o "$folder/sample.safetensors" --quiet
  minus "$(now)" "$start" >>"$folder/sample.seconds"
  rm -f "$folder/sample.safetensors"
  forwards | awk -v before="$before" '{ print (before + $1) / 2 }' >>"$folder/forward.seconds"
  paste "$folder"/{sample,forward}.seconds | awk 'END { print $1 / $2 / 50 }' >>"$folder/ratio.seconds"
done
awk -v a="$(median <"$folder/sample.seconds")" -v b="$(median <"$folder/forward.seconds")" \
  -v r="$(median <"$folder/ratio.seconds")" \
  'BEGIN { printf "sample at 50 steps: %.1f s, %.3f of 50 forward passes of %.3f s\n", a, r, b }'
