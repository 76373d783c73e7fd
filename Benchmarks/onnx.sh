#!/usr/bin/env bash
# Times the conversion of 1 GB of weights from ONNX to safetensors and back beside the same by Python's onnx and safetensors, in turn: of
# Python without the start of the interpreter and its imports, of graftc with everything, the sync of the output included. GRAFT_PYTHON is
# an interpreter with onnx and safetensors.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-5}
: "${GRAFT_PYTHON:?an interpreter with onnx and safetensors}"
source Benchmarks/measuring.sh
trap 'rm -f "$folder"/converted.*' EXIT

make='
import sys, numpy
from safetensors.numpy import save_file
random = numpy.random.default_rng(0)
shapes = [(3456, 1152), (1152, 1152), (4608, 1152), (1152, 4608), (6912, 1152), (1152,)]
save_file({f"blocks.{i}.{n}": random.standard_normal(s, dtype=numpy.float32) for i in range(12) for n, s in enumerate(shapes)}, sys.argv[1])
'
route='
import resource, sys, time
import onnx, numpy
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file
start = time.perf_counter()
if sys.argv[1].endswith(".onnx"):
    model = onnx.load(sys.argv[1])
    save_file({tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}, sys.argv[2])
else:
    tensors = [numpy_helper.from_array(array, name) for name, array in load_file(sys.argv[1]).items()]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "weights", [], [], tensors)), sys.argv[2])
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
'
[[ -f $folder/weights.safetensors ]] || "$GRAFT_PYTHON" -c "$make" "$folder/weights.safetensors"
[[ -f $folder/weights.onnx ]] || "$GRAFT_PYTHON" -c "$route" "$folder/weights.safetensors" "$folder/weights.onnx" >/dev/null

python() {
  local seconds peak
  rm -f "$3"
  read -r seconds peak < <("$GRAFT_PYTHON" -c "$route" "$2" "$3")
  echo "$seconds" >>"$folder/$1.seconds"
  echo "$peak" >>"$folder/$1.peak"
}

graft() {
  rm -f "$3"
  measure "$1" convert "$2" "$3"
}

rm -f "$folder"/*.seconds "$folder"/*.peak
cat "$folder"/weights.* >/dev/null # Into the page cache, for all alike.
for ((round = 0; round < repeats; round++)); do
  python python-read "$folder/weights.onnx" "$folder/converted.safetensors"
  graft graft-read "$folder/weights.onnx" "$folder/converted.safetensors"
  python python-write "$folder/weights.safetensors" "$folder/converted.onnx"
  graft graft-write "$folder/weights.safetensors" "$folder/converted.onnx"
done
for way in read write; do
  base=$(median <"$folder/python-$way.seconds")
  seconds=$(median <"$folder/graft-$way.seconds")
  awk -v w="$way" -v s="$seconds" -v b="$base" -v m="$(peak_of "graft-$way")" -v p="$(peak_of "python-$way")" \
    'BEGIN { printf "%-5s %6.2f s, %.2f of Python'"'"'s; peak memory %d MB, of Python %d MB\n", w, s, s / b, m, p }'
done
