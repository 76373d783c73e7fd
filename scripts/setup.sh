#!/usr/bin/env bash
# Installs the system libraries that graft is built against, those that are missing, on Debian and its kin. Says nothing
# and changes nothing where all of them are there.
set -euo pipefail

packages=(libopenblas0-pthread libpng-dev zlib1g-dev libssl-dev libhdf5-dev libprotobuf-c-dev)

stop() {
  echo "setup: $1" >&2
  exit 1
}

command -v swift >/dev/null || stop "no 'swift' on the path; graft needs Swift 6.3, see https://www.swift.org/install"

# Elsewhere the libraries have other names; the build then says what it misses.
command -v dpkg-query >/dev/null || exit 0

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]} > 0)) || exit 0

if ((EUID == 0)); then
  as_root=(env)
elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo --non-interactive true 2>/dev/null; }; then
  as_root=(sudo env)
else
  stop "packages are missing, and neither root nor sudo is at hand; as root: apt-get install ${missing[*]}"
fi

echo "setup: installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet -o Acquire::Retries=2 "$@" >>"$log" 2>&1
}

# A list that could not be fetched is no failure to apt-get, and none to us where the packages are found all the same.
apt update || true
if ! apt install --yes --no-install-recommends "${missing[@]}"; then
  cat "$log" >&2
  stop "the packages could not be installed: ${missing[*]}; is there a network?"
fi
