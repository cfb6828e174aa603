#!/bin/bash
# Experiment 7: tensor parallelism over real processes, and what becomes of a run that loses one.
source runner/testing/experiments.sh
model=$runfiles/testdata/mini_qwen3_moe/awq
tp2="$small --only=tp2"

# rank_processes OUTPUT [RANK]: the ranks that write there, all of them or one.
rank_processes() {
  grep -lazs -- "--output=$1\$" /proc/[0-9]*/cmdline | sed 's/cmdline/environ/' |
    xargs -r grep -lazxs "RANK=${2:-[0-9]*}" | cut -d/ -f3
}
# start OUTPUT [FLAG]...: two ranks in the background, as $parent.
start() {
  local output=$1
  shift
  : >log # what an earlier command printed is not to be mistaken for this one's
  "$exp7" $tp2 --output="$output" --reference=a/$reference "$@" >log 2>&1 &
  parent=$!
}
# await TEXT: until the background command $parent has printed it to `log`.
await() {
  until grep -q -- "$1" log; do
    kill -0 "$parent" 2>/dev/null || { fail "ended before it printed: $1"; cat log; return; }
    sleep 0.02
  done
}
# signal_rank SIGNAL OUTPUT RANK: as soon as the rank is there.
signal_rank() {
  local process
  until process=$(rank_processes "$2" "$3") && [ -n "$process" ]; do
    kill -0 "$parent" 2>/dev/null || { fail "no rank $3"; return; }
    sleep 0.02
  done
  kill "-$1" "$process"
}
# expect_end CODE TEXT PID: how the background command ended, and what it printed to `log`.
expect_end() {
  wait "$3"
  local got=$?
  [ "$got" -eq "$1" ] || { fail "exit code $got, expected $1"; cat log; }
  [ -z "$2" ] || grep -qE -- "$2" log || { fail "no '$2' in the log"; cat log; }
}
expect_no_ranks() {
  local i
  for ((i = 0; i < 500; ++i)); do
    [ -z "$(rank_processes "$1")" ] && return
    sleep 0.02
  done
  fail "still running: $(rank_processes "$1")"
}
# by_hand OUTPUT RANK ARGUMENT...: one rank, as torchrun would start it.
by_hand() {
  local output=$1 rank=$2
  shift 2
  env RANK="$rank" WORLD_SIZE=2 LOCAL_RANK="$rank" LOCAL_WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 \
    MASTER_PORT="$port" "$exp7" $tp2 --output="$output" --reference=a/$reference "$@"
}

echo "--- two and four ranks, each time the same bits, not those of one process"
run_references a
expect 0 "CPU-X_tp4" "$exp7" $small --output=a
expect_run a/CPU-X/CPU-X_tp2 2
expect_run a/CPU-X/CPU-X_tp4 4
[ "$(digest a/CPU-X/CPU-X_tp2)" != "$(digest a/CPU-X/CPU-X_tp4)" ] || fail "two cuts, the same bits"
expect 0 "CPU-X_tp4" "$exp7" $small --only=tp2,tp4 --output=again --reference=a/$reference
same=$(digest a/CPU-X/CPU-X_tp2)
[ "$(digest again/CPU-X/CPU-X_tp2)" = "$same" ] || fail "another process, other bits"

echo "--- a finished run is not run again"
expect 0 "CPU-X_tp2" "$exp7" $tp2 --output=a
grep -q "of 3, prefill" out && fail "ran again"

echo "--- a rank that is killed is named, at every stage; the same command then goes on"
n=0
for stage in "tp2: 2 ranks" "tp2: checking" "loading weights" "repetition 1 of 3, prefill" \
  "repetition 1 of 3, decode" "repetition 2 of 3, prefill"; do
  n=$((n + 1))
  output=killed$n
  start $output
  await "$stage"
  victim=$((n % 2))
  signal_rank KILL $output $victim
  expect_end 1 "rank $victim \(process [0-9]+\) was killed by signal 9" $parent
  expect_no_ranks $output
  [ -e $output/CPU-X/CPU-X_tp2/manifest.textproto ] && fail "$stage: a manifest without a run"
  ls $output/CPU-X/CPU-X_tp2 2>/dev/null | grep -v '\.shard$' && fail "$stage: half a file"
done
expect 0 "continued: repetition 1" "$exp7" $tp2 --output=killed6 --reference=a/$reference
[ "$(digest killed6/CPU-X/CPU-X_tp2)" = "$same" ] || fail "other bits after going on"
expect 0 "CPU-X_tp2" "$exp7" $tp2 --output=killed4 --reference=a/$reference
[ "$(digest killed4/CPU-X/CPU-X_tp2)" = "$same" ] || fail "other bits after starting again"

echo "--- a rank that hangs is named in the time stated"
start hung --rank_timeout=10
await "repetition 1 of 3, decode"
signal_rank STOP hung 1
expect_end 1 "heard nothing from rank 1 for 10 s" $parent
expect_no_ranks hung

echo "--- the one who starts the ranks dies: they do, too"
start orphans
await "repetition 1 of 3, prefill"
kill -9 $parent
expect_no_ranks orphans
wait $parent 2>/dev/null

echo "--- interrupted: finished repetitions are kept"
start interrupted
await "repetition 2 of 3, prefill"
kill -TERM $parent
expect_end 1 "finished repetitions are kept" $parent
expect 0 "continued: repetition 1" "$exp7" $tp2 --output=interrupted --reference=a/$reference

echo "--- a port that is taken is named"
port=$((20000 + RANDOM % 12000)) # below those of outgoing connections
start first --master_port=$port
await "tp2: checking"
kill -STOP $parent
expect 1 "port $port" "$exp7" $tp2 --output=second --reference=a/$reference --master_port=$port
kill -CONT $parent
expect_end 0 "CPU-X_tp2" $parent

echo "--- ranks started by others: torchrun's variables, Slurm's variables"
port=$((20000 + RANDOM % 12000)) # below those of outgoing connections
by_hand torchrun 1 >log 2>&1 &
follower=$!
expect 0 "CPU-X_tp2" by_hand torchrun 0
expect_end 0 "" $follower
[ "$(digest torchrun/CPU-X/CPU-X_tp2)" = "$same" ] || fail "other bits under torchrun's variables"
slurm() {
  env SLURM_PROCID="$1" SLURM_STEP_NUM_TASKS=2 SLURM_LOCALID="$1" SLURM_STEP_TASKS_PER_NODE=2 \
    SLURM_STEP_NODELIST=127.0.0.1 SLURM_JOB_ID=$port "$exp7" $tp2 --output=slurm --reference=a/$reference
}
slurm 1 >log 2>&1 &
follower=$!
expect 0 "CPU-X_tp2" slurm 0
expect_end 0 "" $follower
[ "$(digest slurm/CPU-X/CPU-X_tp2)" = "$same" ] || fail "other bits under Slurm's variables"
expect 1 "WORLD_SIZE: expected 1 to 4096, found 'two'" env RANK=0 WORLD_SIZE=two "$exp7" $tp2 --output=x

echo "--- a rank with another model is named, with what differs"
mkdir other && cp -L "$model"/* other/ && chmod -R u+w other
printf '\x01' | dd of=other/model.safetensors bs=1 seek=$(($(stat -c %s other/model.safetensors) - 9)) \
  conv=notrunc status=none
port=$((20000 + RANDOM % 12000)) # below those of outgoing connections
by_hand mixed 1 --model=other >log 2>&1 &
follower=$!
expect 1 "rank 1: has other work than rank 0" by_hand mixed 0 --model="$model"
grep -q "digest" out || { fail "what differs is not said"; cat out; }
expect_end 1 "rank 1: has other work than rank 0" $follower
[ -e mixed/CPU-X/CPU-X_tp2/manifest.textproto ] && fail "a run of two models"

echo "--- one rank alone is the reference, bit for bit"
expect 0 "3, bit-identical" env RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1 MASTER_ADDR=127.0.0.1 \
  MASTER_PORT=$port "$exp0" $small --output=alone --reference=a/$reference
[ "$(digest alone/$reference)" = "$(digest a.forced/$reference)" ] || fail "one rank, other bits"

echo "--- wrong usage"
expect 2 "master_port" "$exp7" $small --master_port=70000
expect 2 "'tp3' is none of tp2, tp4" "$exp7" $small --only=tp3

finish
