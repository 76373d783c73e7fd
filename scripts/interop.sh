#!/usr/bin/env bash
# Tests that graft and the libraries that its formats come from read each other's files. The libraries go into a virtual
# environment of their own, `.build-interop`, the first time; GRAFT_SEED makes other files.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=(torch==2.13.0+cpu safetensors==0.8.0 numpy==2.4.6 ml_dtypes==0.6.0 gguf==0.19.0
  h5py==3.16.0 keras==3.15.1 onnx==1.23.2)
environment=.build-interop

stop() {
  echo "interop: $1" >&2
  exit 1
}

# What is installed is written down, so that a run that finds it all starts nothing.
if [[ $(cat "$environment/installed" 2>/dev/null) != "${requirements[*]}" ]]; then
  command -v python3 >/dev/null || stop "no 'python3' on the path; graft needs none, but this test does"
  rm -rf "$environment"
  python3 -m venv "$environment" || stop "no virtual environment can be made; on Debian: apt-get install python3-venv"
  echo "interop: installing ${requirements[*]}" >&2
  install=("$environment/bin/pip" install --quiet --disable-pip-version-check)
  # The index for processors has the small wheel where the usual one lacks it.
  "${install[@]}" "${requirements[@]}" 2>/dev/null \
    || "${install[@]}" --extra-index-url https://download.pytorch.org/whl/cpu "${requirements[@]}" \
    || stop "the libraries could not be installed; is there a network?"
  echo "${requirements[*]}" >"$environment/installed"
fi

GRAFT_PYTHON="$PWD/$environment/bin/python" swift test -c release --disable-testable-imports --filter InteropTests
