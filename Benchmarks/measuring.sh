# What the scripts beside it share; sourced from the root of the project, with `folder` set.

graftc=$PWD/.build/release/graftc
mkdir -p "$folder"

# A DiT-XL/2 of seeded weights, 2.7 GB, as xl2.pt in the folder; made once.
make_xl2() {
  cat >"$folder/noise.graft" <<'GRAFT'
graft "xl2-noise" { base dit.xl2(image: 256) noise(seed: 0)  emit "xl2.pt" }
GRAFT
  [[ -f $folder/xl2.pt ]] || "$graftc" compile "$folder/noise.graft"
}

now() { date +%s.%N; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a - b }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# Runs graftc and adds its seconds to the file NAME.seconds and its peak of private memory, in KB, to NAME.peak.
measure() {
  local name=$1 start peak=0 anonymous
  shift
  start=$(now)
  "$graftc" "$@" >/dev/null 2>&1 &
  local pid=$!
  while [[ -r /proc/$pid/status ]]; do
    anonymous=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    ((${anonymous:-0} > peak)) && peak=$anonymous
    sleep 0.02
  done
  wait "$pid"
  minus "$(now)" "$start" >>"$folder/$name.seconds"
  echo "$peak" >>"$folder/$name.peak"
}

# The largest peak of the named measurements, in MB.
peak_of() { for name in "$@"; do cat "$folder/$name.peak"; done | sort -n | awk 'END { print int($1 / 1024) }'; }
