#!/bin/bash
# Killed at random points 100 times, a plan goes on to the digests of an undisturbed run.
source pods/testing/orchestrator.sh
use_fakes
cat >plan.textproto <<'END'
name: "kill"
machine { device: "cpu" hardware: "A100-80GB" }
experiments { id: 0 }
experiments { id: 1 }
experiments { id: 2 }
experiments { id: 3 }
experiments { id: 4 }
experiments { id: 5 }
experiments { id: 7 }
experiments { id: 8 }
END

began=$(date +%s%3N)
expect 0 "11 of 11 done" forensics run plan.textproto --folder=whole
# Milliseconds: long enough for a step to be done between two kills on a machine that is busy, too.
longest=$((($(date +%s%3N) - began) / 4))
[ "$longest" -ge 250 ] || longest=250
ls whole/experiments >files
[ "$(wc -l <files)" -eq 8 ] || fail "files: $(cat files)"

RANDOM=7
kills=0 completions=0
while [ "$kills" -lt 100 ]; do
  # A session of its own, so that the kill takes the whole group.
  setsid "$runfiles/pods/forensics_alone" run plan.textproto --folder=killed --tools="$PWD/tools" \
    >>log 2>&1 &
  pid=$!
  delay=$((20 + RANDOM % longest))
  sleep "$((delay / 1000)).$(printf '%03d' $((delay % 1000)))"
  if kill -9 -- "-$pid" 2>/dev/null; then kills=$((kills + 1)); fi
  wait "$pid" 2>/dev/null
  if forensics status plan.textproto --folder=killed >out 2>&1; then
    [ "$(digests killed)" = "$(digests whole)" ] || fail "other digests: $(diff <(digests killed) <(digests whole))"
    [ "$(ls killed/experiments)" = "$(cat files)" ] || fail "files: $(ls killed/experiments)"
    completions=$((completions + 1))
    rm -rf killed
  fi
done
[ "$completions" -gt 0 ] || fail "never came to an end"
expect 0 "11 of 11 done" forensics run plan.textproto --folder=killed
[ "$(digests killed)" = "$(digests whole)" ] || fail "other digests at the end"
find killed -name '*.tmp.*' | grep . && fail "temporary files are left"
echo "$kills kills, $completions completions between them"
finish
