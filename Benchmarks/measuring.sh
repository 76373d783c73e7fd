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

# Runs a command to its end, and adds the peaks of memory to NAME.peak, in KB: what is its own (RssAnon), then everything
# that is resident, pages of files with it (VmHWM). Both are sums over the process and all that it starts, looked at 50
# times a second.
observe() {
  local name=$1 own=0 resident=0 process pids more file place one all
  shift
  "$@" &
  process=$!
  while [[ -r /proc/$process/status ]]; do
    pids=("$process")
    for ((place = 0; place < ${#pids[@]}; place++)); do
      for file in /proc/"${pids[place]}"/task/*/children; do
        more=()
        { read -r -a more <"$file"; } 2>/dev/null || true
        pids+=("${more[@]}")
      done
    done
    read -r one all < <(
      for place in "${pids[@]}"; do cat "/proc/$place/status" 2>/dev/null || true; done \
        | awk '/^RssAnon/ { own += $2 } /^VmHWM/ { all += $2 } END { print own + 0, all + 0 }'
    )
    ((one > own)) && own=$one
    ((all > resident)) && resident=$all
    sleep 0.02
  done
  wait "$process"
  echo "$own $resident" >>"$folder/$name.peak"
}

# Runs graftc and adds its seconds to the file NAME.seconds.
measure() {
  local name=$1 start
  start=$(now)
  observe "$name" "$graftc" "${@:2}" >/dev/null 2>&1
  minus "$(now)" "$start" >>"$folder/$name.seconds"
}

# graft NAME FROM TO [OPTION...]: converts a file anew.
graft() {
  rm -f "$3"
  measure "$1" convert "${@:2}"
}

# python NAME FROM TO [ARGUMENT...]: does the same by the Python program in `route`, which prints its own seconds.
python() {
  rm -f "$3"
  observe "$1" "$GRAFT_PYTHON" -c "$route" "${@:2}" >>"$folder/$1.seconds"
}

# The largest peaks of the named measurements, in MB: of their own memory, and of all that was resident.
peak_of() { for name in "$@"; do cat "$folder/$name.peak"; done | largest 1; }
resident_of() { for name in "$@"; do cat "$folder/$name.peak"; done | largest 2; }
largest() { awk -v column="$1" '$column > most { most = $column } END { print int(most / 1024) }'; }

# compare LABEL GRAFT PYTHON: one line on two measurements.
compare() {
  awk -v label="$1" -v own="$(median <"$folder/$2.seconds")" -v theirs="$(median <"$folder/$3.seconds")" \
    -v a="$(peak_of "$2")" -v b="$(peak_of "$3")" -v c="$(resident_of "$2")" -v d="$(resident_of "$3")" 'BEGIN {
      printf "%-11s %6.2f s, %.2f of the time of Python; ", label, own, own / theirs
      printf "peaks of RssAnon %d MB beside %d MB, of VmHWM %d MB beside %d MB\n", a, b, c, d
    }'
}
