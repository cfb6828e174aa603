#!/bin/bash
# Experiment 8: experts dealt out to ranks.
source runner/testing/experiments.sh

expect 0 "3, bit-identical" "$exp0" $small --output=a
expect 0 "CPU-X_ep4" "$exp8" $small --output=a
expect_run a/CPU-X/CPU-X_ep2 2
expect_run a/CPU-X/CPU-X_ep4 4

echo "--- two experts a token: a sum of two terms has one value, however they are dealt out"
[ "$(digest a/CPU-X/CPU-X_ep2)" = "$(digest a/CPU-X/CPU-X_ep4)" ] || fail "ep2 and ep4 differ"

echo "--- in bfloat16 the partial sums are rounded, and bits change"
expect 0 "3, bit-identical" "$exp0" $small --dtype=bfloat16 --output=b
expect 0 "CPU-X_ep2" "$exp8" $small --dtype=bfloat16 --output=b --only=ep2
expect_run b/CPU-X/CPU-X_ep2 2

finish
