#!/bin/bash
# Experiment 5: concurrent work takes time and changes no bit.
source runner/testing/experiments.sh
run=a/CPU-X/CPU-X_concurrent

run_references a
expect 0 "concurrent +[0-9]+ workers?, [0-9]+% of the processors' time" "$exp5" $small --output=a
grep -qE "slowdown +[0-9.]+ times the run time of CPU-X_reference" out || fail "no slowdown"
expect_run $run
expect_field $run "concurrent_work: true"
expect_field $run 'value: "[0-9]+ workers? of [0-9]+ processors: matrix product'
expect_field $run "overlap_seconds: 0*[.0-9]*[1-9]"
[ "$(grep -c 'background_load {' $run/manifest.textproto)" -eq 3 ] || fail "no load in each repetition"
! grep -q "intervals" $run/manifest.textproto || fail "intervals belong into shards"
grep -q "^other_shapes" $run/manifest.textproto && fail "kernels saw other shapes"
[ "$(digest $run)" = "$(digest a.forced/$reference)" ] || fail "concurrent work changed bits"

echo "--- interrupted, it stops at once and goes on"
"$exp5" $small --output=b --reference=a/$reference --repetitions=200 >out 2>&1 &
pid=$!
await_file $pid b/CPU-X/CPU-X_concurrent/rep_0.rank_0_of_1.shard
kill -INT $pid
wait $pid
[ $? -eq 1 ] || fail "exit code after SIGINT"
expect 0 "continued: repetition 1 is there already" "$exp5" $small --output=b --reference=a/$reference
[ "$(grep -c 'background_load {' b/CPU-X/CPU-X_concurrent/manifest.textproto)" -eq 3 ] || fail "a continued repetition lost its load"

finish
