#!/usr/bin/env bash
# Times the forward pass of DiT-XL/2 at batch 2 beside its matrix products alone through OpenBLAS.
set -euo pipefail
cd "$(dirname "$0")/.."

.build/release/graftc version
exec .build/release/graftc bench 'dit.xl2(image: 256)' --random-weights --batch 2 --repeats "${1:-7}" --profile
