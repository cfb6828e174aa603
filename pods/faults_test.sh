#!/bin/bash
# What goes wrong on rented machines, and what a plan makes of it.
source pods/testing/orchestrator.sh
use_fakes

plan() { # [LINE]...: a plan of four experiments, and these lines
  cat <<'END'
name: "faults"
machine { device: "cpu" hardware: "A100-80GB" price_per_hour: 360 }
experiments { id: 0 minutes: 1 }
experiments { id: 1 }
experiments { id: 4 }
experiments { id: 7 }
END
  printf '%s\n' "$@"
}
plan 'limits { backoff_seconds: 0.01 }' >plan.textproto
# await PID COMMAND...: until it succeeds, however slow the machine, or the process has ended.
await() {
  local pid=$1
  shift
  until "$@"; do
    kill -0 "$pid" 2>/dev/null || return
    sleep 0.1
  done
}
# The tool has begun; before, the next run would find the fault, too.
fault_is_taken() { [ ! -e "faults/$1" ]; }
both_children() { [ "$(cat children 2>/dev/null | wc -l)" -eq 2 ]; }

echo "--- a plan that is wrong"
plan 'retrys: 3' >bad.textproto
expect 2 'bad.textproto:7:7: .*no field named "retrys"' forensics run bad.textproto
plan 'experiments { id: 99 }' 'models { quant_method: "awq" }' 'experiments { id: 4 }' >bad.textproto
expect 2 "experiments.id: expected 0 to [0-9]*, found 99" forensics check bad.textproto
grep -q "bad.textproto: experiment 4 stands there twice" out || fail "not all problems at once"
grep -q "awq: expected either a repository or a directory" out || fail "not all problems at once"
expect 1 "nowhere.textproto" forensics run nowhere.textproto
expect 2 "expected one of check, run, status, clean" forensics walk plan.textproto
expect 2 "unknown flag --modle" forensics run plan.textproto --modle=x
expect 0 "forensics run plans/mini_cpu.textproto" forensics --help

echo "--- everything that is wrong with the machine, at once"
plan 'prompt { document: "no.pdf" }' 'disk { results_gigabytes: 1e9 }' >poor.textproto
mv tools/exp4 exp4
expect 1 "wrong +tools +no program .*/tools/exp4$" forensics check poor.textproto --folder=poor
grep -qE "wrong +files +not there: .*no.pdf" out || fail "document"
grep -qE "wrong +disk +.* GB free, 1000000000.0 needed" out || fail "disk"
[ "$(grep -c "what to do:" out)" -eq 3 ] || fail "advice"
expect 1 "wrong +disk" forensics run poor.textproto --folder=poor
[ ! -e poor/results ] || fail "run in spite of all"
rm tools/exp4
printf '#!/bin/sh\necho "exp4: libtorch.so: cannot open shared object file" >&2\nexit 127\n' >tools/exp4
chmod +x tools/exp4
expect 1 "wrong +tools +.*/tools/exp4: does not start: exp4: libtorch.so: cannot open" \
  forensics check plan.textproto --folder=unready
plan 'experiments { id: 6 }' 'cuda_versions { version: "12.8" directory: "tools" }' |
  sed 's/device: "cpu"/device: "cpu" cuda_version: "12.8"/' >same.textproto
expect 1 "wrong +cuda +cuda_versions: 12.8 is machine.cuda_version" \
  forensics check same.textproto --folder=unready
mkdir unready_bundle
cp tools/exp4 unready_bundle/exp6
rm tools/exp4
mv exp4 tools/exp4
plan 'experiments { id: 6 only: "cu118" }' 'cuda_versions { version: "11.8" directory: "unready_bundle" }' \
  >unready.textproto
expect 4 "missing  exp6-cu118: .*unready_bundle/exp6: does not start: exp4: libtorch.so" \
  forensics run unready.textproto --folder=unready
grep -q "^not complete: exp6-cu118$" out || { fail "not named"; cat out; }

echo "--- a folder of someone else's is left alone"
mkdir -p proj/experiments proj/trial mine/report
echo thesis | tee proj/experiments/notes proj/trial/notes mine/report/notes >/dev/null
expect 1 "proj: is not empty, .*: it holds experiments, trial, and no " forensics run plan.textproto --folder=proj
expect 1 "proj: is not empty" forensics check plan.textproto --folder=proj
expect 1 "mine: is not empty" forensics clean plan.textproto --folder=mine
[ "$(cat proj/*/notes mine/report/notes | grep -c thesis)" -eq 3 ] || fail "deleted"
[ "$(ls -A proj | wc -l)" -eq 2 ] || fail "written to: $(ls -A proj)"
# As a mount point may come.
mkdir -p volume/lost+found
expect 0 "7 of 7 done" forensics run plan.textproto --folder=volume
rm -r volume/experiments volume/stamps/fuse
mkdir volume/experiments
echo thesis >volume/experiments/notes
expect 1 "failed   fuse: .*volume/experiments: is not empty" forensics run plan.textproto --folder=volume
[ -e volume/experiments/notes ] || fail "deleted within a plan's folder"

echo "--- a check, then the whole"
expect 0 "done +trial-fuse" forensics check plan.textproto --folder=a
expect 4 "left +exp0" forensics status plan.textproto --folder=a
expect 4 "^folder nowhere: is not there" forensics status plan.textproto --folder=nowhere
expect 1 "nowhere: no such folder.*--folder=DIR" forensics clean plan.textproto --folder=nowhere
[ ! -e nowhere ] || fail "made for nothing"
expect 0 "^a/models: holds no model that the plan fetched" forensics clean plan.textproto --folder=a
expect 0 "7 of 7 done" forensics run plan.textproto --folder=a
grep -q "USD so far, about .* USD in all" out || fail "no cost"
grep -q "running  trial" out && fail "the trial was done already"
expect 0 "done +fuse" forensics status plan.textproto --folder=a
before=$(find a/results a/experiments -type f -printf '%p %T@ %i\n' | sort)
expect 0 "7 of 7 done" forensics run plan.textproto --folder=a
[ "$before" = "$(find a/results a/experiments -type f -printf '%p %T@ %i\n' | sort)" ] || fail "redone"

echo "--- what a killed writer of a stamp leaves goes"
true &
wait $!
touch "a/stamps/exp0.tmp.$!" a/stamps/mine.tmp
expect 0 "7 of 7 done" forensics run plan.textproto --folder=a
[ "$(ls a/stamps | grep tmp)" = mine.tmp ] || fail "left: $(ls a/stamps)"
rm a/stamps/mine.tmp

echo "--- some configurations of an experiment: the collector writes where it is to"
sed 's/id: 7/id: 7 only: "tp2"/' plan.textproto >some.textproto
expect 0 "7 of 7 done" forensics run some.textproto --folder=some
[ -s some/experiments/tensor_parallel_experiment.json ] || fail "experiments: $(ls some/experiments)"
[ ! -e experiments ] || fail "written outside of the folder"
rm some/stamps/fuse
mv tools/fuse fuse
printf '#!/bin/sh\nexit 0\n' >tools/fuse
chmod +x tools/fuse
expect 1 "failed   fuse: some/experiments: .*left no file there" forensics run some.textproto --folder=some
mv fuse tools/fuse

echo "--- what may be retried is, and what may not is not"
echo signal >faults/exp1
echo memory >faults/exp4
expect 0 "exp1: retry 1 of 3" forensics run plan.textproto --folder=b
grep -q "killed by signal 11 (Segmentation fault)" out || fail "signal"
grep -q "exp4: retry 1 of 1" out || fail "memory"
[ "$(digests a)" = "$(digests b)" ] || fail "other digests"
echo "memory always" >faults/exp4
expect 1 "failed   exp4: exit code 1" forensics run plan.textproto --folder=c
grep -q "CUDA out of memory" out || fail "no last lines of the log"
grep -q "done     exp7" out || fail "another experiment was given up"
grep -q "done     fuse" out || fail "what is there was not fused"
grep -q "^failed: exp4" out || fail "no summary"
# Hours later, on another terminal.
time='[0-9-]{10} [0-9:]{8}  '
expect 4 "^failed  exp4, .* UTC: exit code 1 +CUDA out of memory; all of it: c/logs/exp4.log$" forensics status plan.textproto --folder=c
grep -qE "failed +exp4 .*exit code 1" out || fail "not in the table"
for line in "ok     disk  .*" "running  exp1" "failed   exp4: exit code 1" " +CUDA out of memory.*" "failed: exp4"; do
  grep -qxE "$time$line" c/logs/forensics.log || fail "no '$line' in the log: $(cat c/logs/forensics.log)"
done
grep -q "$(printf '\033')" c/logs/forensics.log && fail "a terminal's sequences in the log"
rm faults/exp4
expect 0 "7 of 7 done" forensics run plan.textproto --folder=c
expect 0 "7 of 7 done" forensics status plan.textproto --folder=c
grep -q "failed" out && fail "failed long ago"
[ "$(digests a)" = "$(digests c)" ] || fail "other digests"
echo "fail always" >faults/exp0
expect 1 "exp1: not run: it needs exp0" forensics run plan.textproto --folder=d
grep -q "exp0: retry" out && fail "retried what may not"
grep -qx "failed   exp1: not run: it needs exp0" out || { fail "a log that is not there"; cat out; }
grep -qx "failed   fuse: not run: no finished run in d/results" out || { fail "fuse"; cat out; }
rm faults/exp0

echo "--- a hang is ended"
plan 'limits { retries: 1 backoff_seconds: 0.01 step_timeout_minutes: 0.1 }' >impatient.textproto
echo hang >faults/exp4
expect 0 "exp4: ended after [0-9]+ s without a result" forensics run impatient.textproto --folder=e

echo "--- a time of day that is set back an hour"
plan 'limits { backoff_seconds: 1 }' >slow.textproto
clock_back() {
  exec timeout 60 env LD_PRELOAD="$runfiles/pods/testing/clock_back.so" CLOCK_BACK="$PWD/back" \
    "$runfiles/pods/forensics_alone" run slow.textproto --folder=clock --tools="$PWD/tools" >clock.out 2>&1
}
echo signal >faults/exp4
clock_back &
await $! grep -q "exp4: retry 1" clock.out
touch back
wait $! || { fail "exit code $? with a clock that goes back"; cat clock.out; }
grep -q "7 of 7 done" clock.out || fail "not done"
grep -E -- '-[0-9]+:[0-9]|-[0-9]+\.[0-9]+ USD' clock.out && fail "negative times"
cut -f5 clock/journal | grep -- - && fail "negative times in the journal"
[ "$(cut -f2 clock/journal)" = "$(cut -f2 clock/journal | sort -n)" ] || fail "the journal goes back"

echo "--- not reproducible: the plan stops and keeps everything"
echo "flip always" >faults/exp1
expect 3 "NOT REPRODUCIBLE  exp1: exit code 3" forensics run plan.textproto --folder=f
grep -q "NOT bit-identical" out || fail "no report"
grep -q "running  exp4" out && fail "went on"
[ "$(ls f/results/A100-80GB/A100_bs2 | grep -c shard)" -eq 3 ] || fail "not all is kept"
rm faults/exp1
expect 3 "NOT REPRODUCIBLE  exp1" forensics run plan.textproto --folder=f
expect 4 "failed +exp1 .*not reproducible" forensics status plan.textproto --folder=f

echo "--- something missing is noted"
echo missing >faults/exp7
expect 4 "not complete: exp7" forensics run plan.textproto --folder=g
grep -q "not run: tp4: needs 4 GPUs, 30 s elapsed" out || fail "it is not named"
grep -qE "^ +missing +exp7" out || fail "it is called failed"
grep -q "1:00:00 elapsed" out && fail "progress is no reason"

echo "--- a full disk stops cleanly, and it goes on"
echo disk >faults/exp4
expect 1 "DISK FULL  exp4" forensics run plan.textproto --folder=h
grep -q "running  exp7" out && fail "went on"
expect 0 "7 of 7 done" forensics run plan.textproto --folder=h
(
  ulimit -f 4 # KiB: manifests and shards do not fit
  trap '' XFSZ
  failures=0
  expect 1 "File too large" forensics run plan.textproto --folder=i
  exit $failures
) || fail "with a real limit"
expect 0 "7 of 7 done" forensics run plan.textproto --folder=i
[ "$(digests a)" = "$(digests i)" ] || fail "other digests"

echo "--- a damaged run is set aside and made again"
run=i/results/A100-80GB/A100_eager
damage() { # TEXT COMMAND...: what status says of what the command does to a finished run
  local text=$1
  shift
  "$@"
  expect 4 "failed +exp4 .*A100_eager" forensics status plan.textproto --folder=i
  expect 0 "DAMAGED  .*A100_eager/$text" forensics run plan.textproto --folder=i
  grep -q "7 of 7 done" out || fail "not made again: $text"
  grep -q "running  exp1" out && fail "another was made again"
  [ "$(digests a)" = "$(digests i)" ] || fail "other digests"
}
flip() { printf 'x' | dd of="$1" bs=1 seek=200 conv=notrunc 2>/dev/null; }
damage 'rep_2.rank_0_of_1.shard' flip $run/rep_2.rank_0_of_1.shard
damage 'manifest.textproto: cut off' truncate -s 300 $run/manifest.textproto
damage 'rep_2.rank_0_of_1.shard' rm $run/rep_2.rank_0_of_1.shard
damage 'rep_2.rank_0_of_1.shard: cut off' truncate -s -3 $run/rep_2.rank_0_of_1.shard
overwrite() { dd if=/dev/zero of="$1" bs=1 count=8 conv=notrunc 2>/dev/null; }
damage 'rep_2.rank_0_of_1.shard: not a shard' overwrite $run/rep_2.rank_0_of_1.shard
damage 'rep_2.rank_1_of_2.shard' cp $run/rep_2.rank_0_of_1.shard $run/rep_2.rank_1_of_2.shard
ls i/damaged/A100-80GB >aside
printf 'A100_eager%s\n' '' .2 .3 .4 .5 .6 | diff - aside || fail "set aside: $(cat aside)"
flip i/results/A100-80GB/A100_eager/rep_2.rank_0_of_1.shard
before=$(find i/results -type f -printf '%p %T@\n' | sort)
expect 0 "" forensics check plan.textproto --folder=i
[ "$before" = "$(find i/results -type f -printf '%p %T@\n' | sort)" ] || fail "check changes results"

echo "--- a manifest that nobody can read is no part of an experiment"
expect 0 "7 of 7 done" forensics run plan.textproto --folder=garbage
mkdir garbage/results/A100-80GB/AAA
echo "no manifest" >garbage/results/A100-80GB/AAA/manifest.textproto
expect 4 "done +exp4" forensics status plan.textproto --folder=garbage
expect 0 "7 of 7 done" forensics run plan.textproto --folder=garbage
grep -q "AAA" out || { fail "it is not named"; cat out; }

echo "--- another plan's runs are not taken for this one's"
plan 'prompt { decode_steps: 7 }' >other.textproto
before=$(find b -type f -not -path '*/logs/*' -printf '%p %T@ %i\n' | sort)
expect 1 "b/results/A100-80GB: finished runs of another plan: exp0: decode_steps is 30, expected 7; .*--folder=DIR" forensics run other.textproto --folder=b
expect 1 "finished runs of another plan" forensics check other.textproto --folder=b
expect 4 "failed +exp0 .*another plan" forensics status other.textproto --folder=b
mkdir m1 m2
for model in m1 m2; do echo '{}' >$model/config.json; echo $model >$model/model.safetensors; done
plan 'models { quant_method: "awq" directory: "m1" }' >m1.textproto
plan 'models { quant_method: "awq" directory: "m2" }' >m2.textproto
expect 0 "7 of 7 done" forensics run m1.textproto --folder=m
expect 1 "exp0: model is [0-9a-f]{64}, expected [0-9a-f]{64}" forensics run m2.textproto --folder=m
expect 0 "7 of 7 done" forensics run m1.textproto --folder=m
# The tokens that were fed may be all that differs.
plan 'prompt { document_tokens: 100 }' >short.textproto
expect 0 "7 of 7 done" forensics run short.textproto --folder=n
expect 1 "exp0: document_tokens is 100, expected 6000" forensics run plan.textproto --folder=n
grep -q "exp0: document_tokens is 100" n/logs/forensics.log || fail "the end is not in the log"
rm n/stamps/exp0
expect 1 "exp0: no n/stamps/exp0 says what they are of" forensics run short.textproto --folder=n
[ "$before" = "$(find b -type f -not -path '*/logs/*' -printf '%p %T@ %i\n' | sort)" ] || fail "written to"
# A trial is no result: under another label it is made again.
sed 's/A100-80GB/H100/' plan.textproto >label.textproto
expect 0 "done     trial " forensics run label.textproto --folder=b

echo "--- a pipe in the journal's place is not waited for"
mkfifo b/pipe
mv b/journal b/journal.kept
mv b/pipe b/journal
expect 1 "b/journal: is no regular file" timeout 60 "$runfiles/pods/forensics_alone" status plan.textproto --folder=b --tools="$PWD/tools"
expect 1 "b/journal: is no regular file" timeout 60 "$runfiles/pods/forensics_alone" run plan.textproto --folder=b --tools="$PWD/tools"

echo "--- two at once"
echo hang >faults/exp4
"$runfiles/pods/forensics_alone" run plan.textproto --folder=j --tools="$PWD/tools" >first 2>&1 &
pid=$!
await "$pid" fault_is_taken exp4
expect 1 "j: another process is at work in this directory: $pid \(forensics_alone run plan.textproto --folder=j" forensics run plan.textproto --folder=j
grep -qE "[0-9]+ \(.*exp4 --output=j/results" out || fail "the running tool is not named: $(cat out)"
expect 4 "running +exp4 " forensics status plan.textproto --folder=j
grep -qE "^folder j: at work: $pid \(forensics_alone run plan.textproto" out || { fail "who is at work"; cat out; }
kill -9 "$pid"
wait "$pid" 2>/dev/null
expect 0 "7 of 7 done" forensics run plan.textproto --folder=j

echo "--- what a tool has started dies with the orchestrator"
mkdir -p wrapped
cp -P tools/* wrapped
rm wrapped/exp4
printf '#!/bin/bash\n[ "$1" = --help ] && exit\necho "$$" >children\nsleep 1000 &\necho "$!" >>children\nwait\n' >wrapped/exp4
chmod +x wrapped/exp4
"$runfiles/pods/forensics_alone" run plan.textproto --folder=o --tools="$PWD/wrapped" >first 2>&1 &
pid=$!
await "$pid" both_children
kill -9 "$pid"
wait "$pid" 2>/dev/null
expect 0 "7 of 7 done" forensics run plan.textproto --folder=o
while read -r child; do
  [ -e "/proc/$child" ] && grep -q '^State:.[^Z]' "/proc/$child/status" && fail "still there: $(tr '\0' ' ' <"/proc/$child/cmdline")"
done <children

echo "--- INT and TERM"
for signal in INT TERM; do
  echo hang >faults/exp4
  rm -rf k
  "$runfiles/pods/forensics_alone" run plan.textproto --folder=k --tools="$PWD/tools" >first 2>&1 &
  pid=$!
  await "$pid" fault_is_taken exp4
  kill -$signal "$pid"
  wait "$pid"
  [ $? -eq 1 ] || fail "exit code after $signal"
  grep -q "interrupted in exp4" first || { fail "no word of $signal"; cat first; }
  expect 0 "7 of 7 done" forensics run plan.textproto --folder=k
done

echo "--- two machines' results lie together"
sed 's/A100-80GB/H100/' plan.textproto >second.textproto
echo 'others { reference: "a/results/A100-80GB/A100_reference" results: "a/results" results: "later" }' >>second.textproto
expect 4 "8 of 8 done" forensics run second.textproto --folder=l
grep -q "^not complete: waiting for finished runs in later$" out || { fail "not named"; cat out; }
expect 4 "^not complete: waiting for finished runs in later$" forensics status second.textproto --folder=l
[ -s l/report/summary.json ] || fail "no report"
grep -q "A100_eager" l/experiments/attention_experiment.json || fail "the first machine is not in it"

echo "--- another machine's results that are not there are waited for, and wrong ones refused"
others() { # LINE: the second machine's plan with these others
  grep -v "^others" second.textproto
  printf 'others { %s }\n' "$1"
}
others 'reference: "a/results/A100-80GB/A100_reference" results: "later"' >awaiting.textproto
for _ in 1 2; do
  expect 4 "waiting  compare: waiting for finished runs in later" forensics run awaiting.textproto --folder=awaiting
  grep -q "7 of 8 done" out || { fail "it counts as done"; cat out; }
done
expect 4 "left +compare +waiting for finished runs in later" forensics status awaiting.textproto --folder=awaiting
expect 0 "note +others +later: no finished runs there; the comparison waits for them" \
  forensics check awaiting.textproto --folder=awaiting
cp -r a/results later
expect 0 "8 of 8 done" forensics run awaiting.textproto --folder=awaiting
[ -s awaiting/report/summary.json ] || fail "no report"
# As a copy brings them: a manifest before its shards.
cp -r a/results late
mv late/A100-80GB/A100_eager/rep_2.rank_0_of_1.shard shard
others 'reference: "a/results/A100-80GB/A100_reference" results: "late"' >incomplete.textproto
expect 4 "^not complete: fuse" forensics run incomplete.textproto --folder=incomplete
mv shard late/A100-80GB/A100_eager/rep_2.rank_0_of_1.shard
expect 0 "8 of 8 done" forensics run incomplete.textproto --folder=incomplete
expect 0 "8 of 8 done" forensics status incomplete.textproto --folder=incomplete
others "reference: \"$TEST_TMPDIR\" results: \"own/results\" results: \"plan.textproto\"" >misled.textproto
expect 1 "wrong +others +reference: $TEST_TMPDIR.*manifest.textproto" forensics run misled.textproto --folder=own
grep -q "wrong  others     own/results: results of this plan" out || { fail "own results"; cat out; }
grep -q "wrong  others     plan.textproto: is no folder" out || { fail "no folder"; cat out; }
others 'reference: "a/results/A100-80GB/A100_eager"' >misled.textproto
expect 1 "wrong +others +reference: .*A100_eager: a run of experiment 4, expected 0" forensics check misled.textproto --folder=own

echo "--- what the collector misses is named, and all the rest is compared"
sed 's/A100-80GB/H100/; s/id: 7/id: 6/' plan.textproto >third.textproto
echo 'others { reference: "a/results/A100-80GB/A100_reference" results: "a/results" }' >>third.textproto
echo 'cuda_versions { version: "11.8" directory: "tools" }' >>third.textproto
mv tools/fuse fuse
printf '#!/bin/sh\n"%s" "$@" || exit 1\ncase "$*" in */trial/* | --help) exit 0 ;; *) echo "a run was left out" && exit 4 ;; esac\n' \
  "$runfiles/collector/fuse" >tools/fuse
chmod +x tools/fuse
for _ in 1 2; do
  expect 4 "^not complete: exp6: no cuda_versions for cu121, cu126, cu128; fuse" forensics run third.textproto --folder=third
  grep -q "8 of 8 done" out || { fail "not compared"; cat out; }
  [ -s third/report/summary.json ] || fail "no report"
  expect 4 "^not complete: exp6: no cuda_versions for cu121, cu126, cu128; fuse" forensics status third.textproto --folder=third
done
mv fuse tools/fuse
expect 0 "note +plan +exp6: no cuda_versions for cu121, cu126, cu128" forensics check third.textproto --folder=third

echo "--- without the bundle for a CUDA version its step is missing, and the rest is run"
plan 'experiments { id: 6 }' 'cuda_versions { version: "11.8" directory: "tools" }' \
  'cuda_versions { version: "12.1" directory: "nowhere" }' >bundles.textproto
expect 0 "note +tools +exp6-cu121: no program .*nowhere/exp6; it is named as missing" \
  forensics check bundles.textproto --folder=bundles
expect 4 "missing  exp6-cu121: no program .*nowhere/exp6" forensics run bundles.textproto --folder=bundles
grep -q "^not complete: exp6: no cuda_versions for cu126, cu128; exp6-cu121$" out || { fail "not named"; cat out; }
[ "$(grep -c "done     exp6-cu118\|done     exp7\|done     fuse" out)" -eq 6 ] || { fail "the rest"; cat out; }

finish
