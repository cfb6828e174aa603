#!/bin/bash
# Experiment 8: experts dealt out to ranks.
source runner/testing/experiments.sh

run_references a
expect 0 "CPU-X_ep4" "$exp8" $small --output=a
expect_run a/CPU-X/CPU-X_ep2 2
expect_run a/CPU-X/CPU-X_ep4 4

echo "--- two experts a token: a sum of two terms has one value, however they are dealt out"
for suffix in ep2 ep4; do
  [ "$(digest a/CPU-X/CPU-X_$suffix)" = "$(digest a.forced/$reference)" ] || fail "$suffix differs"
done

echo "--- in bfloat16 the partial sums are rounded, and bits change"
run_references b --dtype=bfloat16
expect 0 "CPU-X_ep2" "$exp8" $small --dtype=bfloat16 --output=b --only=ep2
expect_run b/CPU-X/CPU-X_ep2 2
[ "$(digest b/CPU-X/CPU-X_ep2)" != "$(digest b.forced/$reference)" ] || fail "the same bits"

finish
