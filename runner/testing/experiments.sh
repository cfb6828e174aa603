# What the tests of experiments' binaries share; sourced first, from the runfiles' root. Then the
# current directory is the test's own, $expN are the binaries, $runfiles is where the test's data
# are, and $small makes a run short.
set -u
for n in 0 1 2 3 4 5 6 7 8; do declare "exp$n=$PWD/runner/exp$n"; done
runfiles=$PWD
cd "$TEST_TMPDIR" || exit 1
small="--document_tokens=150 --decode_steps=4 --threads=2 --hardware=CPU-X"
reference=CPU-X/CPU-X_reference # below the folder of results
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# expect CODE TEXT COMMAND...: the exit code, and an extended regular expression in what is printed.
expect() {
  local code=$1 text=$2
  shift 2
  "$@" >out 2>&1 </dev/null
  local got=$?
  [ "$got" -eq "$code" ] || { fail "exit code $got, expected $code: $*"; cat out; }
  grep -qE -- "$text" out || { fail "no '$text' in the output of: $*"; cat out; }
}

# digest RUN: the signals' digests of all repetitions, each once.
digest() { sed -n 's/^ *signals_sha256: "\(.*\)"/\1/p' "$1/manifest.textproto" | sort -u; }

# run_references OUTPUT [FLAG]...: experiment 0 in OUTPUT, and in OUTPUT.forced once more, fed its own tokens.
# The latter's digest is what other experiments' can be compared with: with forced decoding the
# log-probabilities at the reference's ids are signals too.
run_references() {
  local output=$1
  shift
  expect 0 "3, bit-identical" "$exp0" $small --output="$output" "$@"
  expect 0 "3, bit-identical" "$exp0" $small --output="$output.forced" --reference="$output/$reference" "$@"
}

# expect_run RUN [RANKS]: a finished run directory of three identical repetitions, the last one's
# shards, one a rank, and nothing else in it.
expect_run() {
  local ranks=${2:-1} rank files=manifest.textproto
  for ((rank = 0; rank < ranks; ++rank)); do
    files+=$'\n'"rep_2.rank_${rank}_of_$ranks.shard"
  done
  [ "$(ls "$1")" = "$files" ] || fail "files: $(ls "$1")"
  grep -q '^reproducible: true' "$1/manifest.textproto" || fail "$1 is not reproducible"
  [ "$(grep -c '^repetitions {' "$1/manifest.textproto")" -eq 3 ] || fail "$1: not three repetitions"
}

# expect_field RUN TEXT: a line of the manifest, as an extended regular expression.
expect_field() { grep -qE -- "$2" "$1/manifest.textproto" || fail "$1: no $2 in the manifest"; }

# await_file PID FILE: until it is there, however slow the machine, or the process has ended.
await_file() {
  until [ -e "$2" ]; do
    kill -0 "$1" 2>/dev/null || return
    sleep 0.1
  done
}

finish() {
  [ "$failures" -eq 0 ] && echo "all passed"
  exit "$failures"
}
