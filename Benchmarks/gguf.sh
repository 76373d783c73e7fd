#!/usr/bin/env bash
# Times the conversion of 1 GB of weights from safetensors to GGUF and back, as f32 and in blocks (Q8_0), beside the same
# by Python's gguf and safetensors, in turn: of Python without the start of the interpreter and its imports, of graftc
# with everything, the sync of the output included. Memory is that of whole processes. GRAFT_PYTHON is an interpreter
# with gguf and safetensors.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-5}
: "${GRAFT_PYTHON:?an interpreter with gguf and safetensors}"
source Benchmarks/measuring.sh
trap 'rm -f "$folder"/converted.*' EXIT

make='
import sys, numpy
from safetensors.numpy import save_file
random = numpy.random.default_rng(0)
shapes = [(3456, 1152), (1152, 1152), (4608, 1152), (1152, 4608), (6912, 1152)]
weights = [(f"blocks.{i}.{n}", shape) for i in range(12) for n, shape in enumerate(shapes)]
save_file({name: random.standard_normal(shape, dtype=numpy.float32) for name, shape in weights}, sys.argv[1])
'
route='
import sys, time
import gguf, numpy
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, quants
from safetensors.numpy import load_file, save_file
start = time.perf_counter()
if sys.argv[1].endswith(".gguf"):
    tensors = GGUFReader(sys.argv[1]).tensors
    values = {one.name: quants.dequantize(one.data, one.tensor_type).reshape(one.shape[::-1]) for one in tensors}
    save_file(values, sys.argv[2])
else:
    type = GGMLQuantizationType[sys.argv[3]]
    writer = GGUFWriter(sys.argv[2], "dit")
    for name, array in load_file(sys.argv[1]).items():
        writer.add_tensor(name, quants.quantize(array, type), raw_dtype=type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
print(time.perf_counter() - start)
'
weights=$folder/blocks
[[ -f $weights.safetensors ]] || "$GRAFT_PYTHON" -c "$make" "$weights.safetensors"
for type in F32 Q8_0; do
  [[ -f $weights.$type.gguf ]] \
    || "$GRAFT_PYTHON" -c "$route" "$weights.safetensors" "$weights.$type.gguf" "$type" >/dev/null
done

rm -f "$folder"/*.seconds "$folder"/*.peak
cat "$weights".* >/dev/null # Into the page cache, for all alike.
for ((round = 0; round < repeats; round++)); do
  for type in F32 Q8_0; do
    python "python-read-$type" "$weights.$type.gguf" "$folder/converted.safetensors"
    graft "graft-read-$type" "$weights.$type.gguf" "$folder/converted.safetensors" --dtype f32
    python "python-write-$type" "$weights.safetensors" "$folder/converted.gguf" "$type"
    graft "graft-write-$type" "$weights.safetensors" "$folder/converted.gguf" --dtype "${type,,}"
  done
done
for type in F32 Q8_0; do
  for way in read write; do compare "$type $way" "graft-$way-$type" "python-$way-$type"; done
done
