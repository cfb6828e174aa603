#!/bin/bash
# Two nodes of two ranks each, both on this machine, leave what four ranks of one node leave.
source runner/testing/experiments.sh
start_ranks=$runfiles/pods/bundle/start_ranks
run=CPU-X/CPU-X_tp4

expect 0 "start_ranks PROGRAM" "$start_ranks" --help
expect 2 "SKYPILOT_NODE_RANK is not set" "$start_ranks" true

expect 0 "3, bit-identical" "$exp0" $small --output=one
expect 0 "3, bit-identical" "$exp7" $small --output=one --only=tp4
cp -r one two && rm -r two/$run
nodes=()
for node in 0 1; do
  SKYPILOT_NODE_RANK=$node SKYPILOT_NODE_IPS=$'127.0.0.1\n127.0.0.1' SKYPILOT_NUM_GPUS_PER_NODE=2 \
    MASTER_PORT=29617 "$start_ranks" "$exp7" $small --output=two --only=tp4 >out.$node 2>&1 &
  nodes+=($!)
done
for node in 0 1; do
  wait "${nodes[$node]}" || { fail "node $node: exit code $?"; cat out.$node; }
done
expect_run two/$run 4
[ "$(digest one/$run)" = "$(digest two/$run)" ] || fail "digests differ: $(digest one/$run) $(digest two/$run)"

echo "--- the exit code is that of a rank that fails"
SKYPILOT_NODE_RANK=0 SKYPILOT_NODE_IPS=127.0.0.1 SKYPILOT_NUM_GPUS_PER_NODE=3 \
  expect 7 "rank 1 of 3" "$start_ranks" sh -c 'echo "rank $RANK of $WORLD_SIZE"; [ "$LOCAL_RANK" != 1 ] || exit 7'

finish
