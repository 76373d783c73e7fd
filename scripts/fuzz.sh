#!/usr/bin/env bash
# Has libFuzzer make inputs for one reader, or for the compiler, and watches for traps, endless work and memory.
#
#     fuzz.sh TARGET SECONDS
#
# TARGET is safetensors, pytorch, pickle, npy, npz, gguf, hdf5, onnx, index or graft. What is learned stays in `.build-fuzz/corpus`, so that the next run
# goes on from there; what is found lies in `.build-fuzz/findings`. Ends with 1 where something was found.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:?a target is missing}
seconds=${2:?a number of seconds is missing}
fixtures=$PWD/Tests/Fixtures
work=$PWD/.build-fuzz
# A short limit for files; checking a graft builds whole models, and the sanitizer makes that slow.
timeout=2
case $target in
  safetensors) seeds=("$fixtures"/formats/safetensors/* "$fixtures"/hostile/safetensors/*) ;;
  pytorch) seeds=("$fixtures"/formats/torch/* "$fixtures"/kinds/*.pt "$fixtures"/hostile/torch/*) ;;
  pickle) seeds=() ;;
  npy) seeds=("$fixtures"/formats/numpy/*.npy "$fixtures"/kinds/*.npy "$fixtures"/hostile/npy/*) ;;
  npz) seeds=("$fixtures"/formats/numpy/*.npz "$fixtures"/kinds/*.npz "$fixtures"/hostile/npz/*) ;;
  gguf) seeds=("$fixtures"/formats/gguf/*.gguf "$fixtures"/hostile/gguf/*) ;;
  # A process for each input that looks whole: some forty a second.
  hdf5) seeds=("$fixtures"/formats/hdf5/*.h5 "$fixtures"/formats/keras/* "$fixtures"/hdf5/*.h5 "$fixtures"/hostile/hdf5/*) ;;
  onnx) seeds=("$fixtures"/formats/onnx/*.onnx "$fixtures"/formats/onnx/external/*.onnx "$fixtures"/hostile/onnx/*.onnx "$fixtures"/hostile/onnx/*/*.onnx) ;;
  index) seeds=("$fixtures"/formats/sharded_safetensors/*.json "$fixtures"/hostile/safetensors_index/*/*.json) ;;
  graft)
    mapfile -t seeds < <(find Sources/GraftPrelude/graft Demo "$fixtures" -name '*.graft' -size -16k)
    timeout=20
    ;;
  *)
    echo "fuzz: '$target' is none of safetensors, pytorch, pickle, npy, npz, gguf, hdf5, onnx, index, graft" >&2
    exit 64
    ;;
esac

echo "fuzz: building" >&2
# Without the linker option, counters are thrown away as unused; in two options, the second sanitizer would undo the first.
program=$work/release/graft-fuzz
rm -f "$program"
swift build --package-path Fuzzing --scratch-path "$work" -c release -Xlinker -z -Xlinker nostart-stop-gc \
  -Xswiftc -sanitize=fuzzer,address \
  | grep -E 'error|warning' >&2 || true
[[ -x $program ]] || exit 1

corpus=$work/corpus/$target
mkdir -p "$corpus" "$work/findings"
# Findings of earlier runs are seeds too.
for seed in "${seeds[@]}" "$fixtures/fuzz/$target"/*; do
  [[ -f $seed ]] && cp -n "$seed" "$corpus/$(basename "$(dirname "$seed")")-$(basename "$seed")"
done

arguments=(-max_total_time="$seconds" -timeout="$timeout" -max_len=65536 -use_value_profile=1 -print_final_stats=1
  -artifact_prefix="$work/findings/$target-" -rss_limit_mb=2048)
# A file of 64 KB may unpack to 68 MB, and by no rule to more at once.
[[ $target == graft ]] || arguments+=(-malloc_limit_mb=100)
[[ -f Fuzzing/dictionaries/$target.dict ]] && arguments+=(-dict="Fuzzing/dictionaries/$target.dict")

export GRAFT_FUZZ_TARGET=$target GRAFT_FUZZ_SHARDS=$fixtures/formats/sharded_safetensors
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16:allocator_may_return_null=0
if ! "$program" "${arguments[@]}" "$corpus" >"$work/$target.log" 2>&1; then
  tail -n 60 "$work/$target.log" >&2
  echo "fuzz: $target found something; the input is named above, the log is $work/$target.log" >&2
  exit 1
fi
awk -v target="$target" -v seconds="$seconds" '
  /number_of_executed_units/ { runs = $2 }
  /DONE/ { cover = $4; features = $6 }
  END { printf "fuzz: %s, %d s: %d inputs, coverage %d, features %d, nothing found\n", target, seconds, runs, cover, features }' "$work/$target.log"
