#!/usr/bin/env bash
# What is left of the throughput of DiT-XL/2 when another process spins on one core: passes on an idle machine and
# beside it, in turn, and the same of PyTorch where `GRAFT_PYTHON` names an interpreter with it.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!OPENBLAS_@}" "${!OMP_@}"
exec "${GRAFT_PYTHON:-python3}" Benchmarks/busy.py "${1:-5}"
