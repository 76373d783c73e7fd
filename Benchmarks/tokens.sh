#!/usr/bin/env bash
# Time and memory of single operators at width 1152 against the number of tokens, beside PyTorch's attention, drawn as
# tokens.png where `GRAFT_PYTHON` has matplotlib.
# tokens.sh [FOLDER] [REPEATS]
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!OPENBLAS_@}" "${!OMP_@}"
exec "${GRAFT_PYTHON:-python3}" Benchmarks/tokens.py "${1:-/tmp/graft-benchmark}" "${2:-3}"
