#!/usr/bin/env bash
# Grafts Hyena-X onto the small model of drawn shapes and draws the same noise with both: the first row of the picture is
# the model as it was trained, the second what the graft makes of it before any repair.
set -euo pipefail
cd "$(dirname "$0")/.."

graftc=.build/release/graftc
grafted=demo-out/shapes-hyena_x.safetensors
picture=demo-out/shapes.png
mkdir -p demo-out

run() {
  echo "\$ graftc $*"
  "$graftc" "$@"
}

run plan Demo/shapes-hyena_x.graft
run compile Demo/shapes-hyena_x.graft -o "$grafted" --force
run sample Demo/dit-shapes.pt "$grafted" --labels 0,1,2,3,4,5,6,7,8,9 --steps 50 --guidance 2 --seed 0 -o "$picture" --force
echo "the pictures are in $picture"
