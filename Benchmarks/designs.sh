#!/usr/bin/env bash
# Every kind of design of the zoo at its own shapes on seeded weights: the time of a forward pass over that of its
# matrix products alone through OpenBLAS and of the bytes of all other kernels at the rate that memory gives them.
# designs.sh [REPEATS] [GRAFT...]; needs `GRAFT_PYTHON`, or python3.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!OPENBLAS_@}"
exec "${GRAFT_PYTHON:-python3}" Benchmarks/designs.py "$@"
