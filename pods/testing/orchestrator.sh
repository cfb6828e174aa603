# What the orchestrator's tests share; sourced first, from the runfiles' root. Then the current
# directory is the test's own, and `forensics` starts the program with the tools in ./tools.
set -u
runfiles=$PWD
cd "$TEST_TMPDIR" || exit 1
failures=0
export FAKE_FAULTS=$PWD/faults
mkdir -p faults tools

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

forensics() { "$runfiles/pods/forensics_alone" "$@" --tools="$PWD/tools"; }

# use_fakes: made-up experiments, the real collector and analyzer.
use_fakes() {
  local n
  for n in 0 1 2 3 4 5 6 7 8; do ln -sf "$runfiles/pods/testing/fake_experiment" tools/exp$n; done
  ln -sf "$runfiles/collector/fuse" tools/fuse
  ln -sf "$runfiles/analyzer/compare" tools/compare
}

# use_gpus DRIVER NAME...: an nvidia-smi that names these GPUs, of $memory MiB.
memory=81559
use_gpus() {
  local driver=$1 name
  shift
  mkdir -p driver
  {
    printf '#!/bin/sh\ncat <<END\n'
    for name; do echo "$name, $driver, $memory, 4"; done
    echo END
  } >driver/nvidia-smi
  chmod +x driver/nvidia-smi
  PATH=$PWD/driver:/usr/bin:/bin
}

# digests FOLDER: run and signals of every finished run.
digests() {
  (cd "$1" && grep -H '^ *signals_sha256' results/*/*/manifest.textproto | sort -u)
}

finish() {
  [ "$failures" -eq 0 ] && echo "all passed"
  exit "$failures"
}
