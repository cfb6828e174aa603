#!/bin/bash
# The real runner, collector and analyzer with the small model: killed again and again, or with a disk
# that is full, a plan goes on to the digests of an undisturbed run.
source pods/testing/orchestrator.sh
ln -s "$runfiles/collector/fuse" "$runfiles/analyzer/compare" tools/
# By path, not by links: the small model is found beside the program.
for n in 0 4; do
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$runfiles/runner/exp$n" >tools/exp$n
  chmod +x tools/exp$n
done
export RUNFILES_DIR=${runfiles%/*}
cat >plan.textproto <<'END'
name: "real"
machine { device: "cpu" hardware: "CPU-X" threads: 1 }
prompt { document_tokens: 100 decode_steps: 3 trial_document_tokens: 40 }
experiments { id: 0 }
experiments { id: 4 only: "eager" }
END

echo "--- undisturbed"
expect 0 "5 of 5 done" forensics run plan.textproto --folder=whole
[ "$(digests whole | wc -l)" -eq 2 ] || fail "runs: $(digests whole)"
[ "$(cd whole/experiments && echo *)" = "attention_experiment.json reference_baseline.json" ] ||
  fail "experiments: $(ls whole/experiments)"
[ ! -e experiments ] || fail "written outside of the folder"

echo "--- killed"
RANDOM=11
kills=0
while [ "$kills" -lt 6 ]; do
  setsid "$runfiles/pods/forensics_alone" run plan.textproto --folder=killed --tools="$PWD/tools" >>log 2>&1 &
  pid=$!
  sleep "$((RANDOM % 2)).$(printf '%03d' $((RANDOM % 1000)))"
  kill -9 -- "-$pid" 2>/dev/null && kills=$((kills + 1))
  wait "$pid" 2>/dev/null
  if forensics status plan.textproto --folder=killed >out 2>&1; then
    [ "$(digests killed)" = "$(digests whole)" ] || fail "other digests: $(diff <(digests killed) <(digests whole))"
    rm -rf killed
  fi
done
expect 0 "5 of 5 done" forensics run plan.textproto --folder=killed
[ "$(digests killed)" = "$(digests whole)" ] || fail "other digests: $(diff <(digests killed) <(digests whole))"
find killed -name '*.tmp.*' | grep . && fail "temporary files are left"

echo "--- a disk that is full where a shard is written"
(
  ulimit -f 8 # KiB
  trap '' XFSZ
  failures=0
  expect 1 "DISK FULL +trial: .*" forensics run plan.textproto --folder=full
  exit $failures
) || fail "with a full disk"
find full -name manifest.textproto | grep . && fail "a run counts as finished"
expect 0 "5 of 5 done" forensics run plan.textproto --folder=full
[ "$(digests full)" = "$(digests whole)" ] || fail "other digests"
finish
