#!/usr/bin/env bash
# Times the forward pass of a DiT beside the runtimes that would be taken instead of graft, and beside its matrix products
# alone, in turn: theirs, ours, theirs, ours. `GRAFT_PYTHON` names an interpreter with torch, onnx, onnxruntime, openvino
# and nncf; the products alone want Debian's libopenblas0 and libdnnl2. Options are those of peers.py: `--help`.
set -euo pipefail
cd "$(dirname "$0")/.."

# What a machine's set-up says of a library's kernels would slow the library down; each chooses by itself.
unset "${!OPENBLAS_@}" "${!MKL_@}" "${!OMP_@}" "${!DNNL_@}" "${!ONEDNN_@}"
.build/release/graftc version
grep -m1 '^model name' /proc/cpuinfo
exec "${GRAFT_PYTHON:-python3}" Benchmarks/peers.py "$@"
