#!/usr/bin/env bash
# Times the conversion of 1 GB of weights from ONNX to safetensors and back beside the same by Python's onnx and
# safetensors, in turn: of Python without the start of the interpreter and its imports, of graftc with everything, the
# sync of the output included. Memory is that of whole processes. GRAFT_PYTHON is an interpreter with onnx and safetensors.
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
weights = [(f"blocks.{i}.{n}", shape) for i in range(12) for n, shape in enumerate(shapes)]
save_file({name: random.standard_normal(shape, dtype=numpy.float32) for name, shape in weights}, sys.argv[1])
'
route='
import sys, time
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
print(time.perf_counter() - start)
'
weights=$folder/weights
[[ -f $weights.safetensors ]] || "$GRAFT_PYTHON" -c "$make" "$weights.safetensors"
[[ -f $weights.onnx ]] || "$GRAFT_PYTHON" -c "$route" "$weights.safetensors" "$weights.onnx" >/dev/null

rm -f "$folder"/*.seconds "$folder"/*.peak
cat "$weights".* >/dev/null # Into the page cache, for all alike.
for ((round = 0; round < repeats; round++)); do
  python python-read "$weights.onnx" "$folder/converted.safetensors"
  graft graft-read "$weights.onnx" "$folder/converted.safetensors"
  python python-write "$weights.safetensors" "$folder/converted.onnx"
  graft graft-write "$weights.safetensors" "$folder/converted.onnx"
done
for way in read write; do compare "$way" "graft-$way" "python-$way"; done
