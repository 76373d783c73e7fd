#!/usr/bin/env bash
# Times the conversion of HDF5 files of 1 GB to safetensors beside h5py and safetensors in Python, in turn: contiguous,
# and chunked with shuffle and deflate. GRAFT_PYTHON is an interpreter with h5py, numpy and safetensors. Python's time
# begins when its imports are done, and it does not sync; graftc's is that of the whole process, which does. Memory is
# that of whole processes, graft's child for HDF5 with it.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-/tmp/graft-benchmark}
repeats=${2:-5}
: "${GRAFT_PYTHON:?an interpreter with h5py, numpy and safetensors}"
source Benchmarks/measuring.sh
trap 'rm -f "$folder"/converted.*' EXIT

make='
import sys, h5py, numpy
random = numpy.random.default_rng(0)
options = {} if sys.argv[2] == "plain" else {"chunks": True, "compression": 1, "shuffle": True}
with h5py.File(sys.argv[1], "w") as file:
    for block in range(16):
        for name, shape in (("qkv", (3456, 1152)), ("fc1", (4608, 1152)), ("fc2", (1152, 6144))):
            # Of the precision of bf16, so that there is something to pack.
            values = random.standard_normal(shape, dtype="f4").view("u4") & 0xFFFF0000
            file.create_dataset(f"blocks/{block}/{name}/weight", data=values.view("f4"), **options)
'
route='
import sys, time, h5py
from safetensors.numpy import save_file
start = time.perf_counter()
state = {}
with h5py.File(sys.argv[1]) as file:
    file.visititems(lambda name, one: state.__setitem__(name, one[()]) if isinstance(one, h5py.Dataset) else None)
save_file(state, sys.argv[2])
print(time.perf_counter() - start)
'

output=$folder/converted.safetensors
rm -f "$folder"/*.seconds "$folder"/*.peak
for kind in plain packed; do
  [[ -f $folder/$kind.h5 ]] || "$GRAFT_PYTHON" -c "$make" "$folder/$kind.h5" "$kind"
  cat "$folder/$kind.h5" >/dev/null
done
for ((round = 0; round < repeats; round++)); do
  for kind in plain packed; do
    python "python-$kind" "$folder/$kind.h5" "$output"
    graft "graft-$kind" "$folder/$kind.h5" "$output"
  done
done
for kind in plain packed; do compare "$kind" "graft-$kind" "python-$kind"; done
