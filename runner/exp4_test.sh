#!/bin/bash
# Experiment 4: eager attention beside the flash kernels.
source runner/testing/experiments.sh
run=a/CPU-X/CPU-X_eager

echo "--- the reference comes first"
expect 1 "bazel run //runner:exp0" "$exp4" $small --output=a

echo "--- eager attention leaves other bits, each time the same"
run_references a
expect 0 "CPU-X_eager" "$exp4" $small --output=a
grep -q "forced to the tokens of CPU-X_reference; its own choices agree throughout" out ||
  fail "other tokens in float32: $(grep decoding out)"
expect_run $run
expect_field $run 'attention_impl: "eager"'
expect_field $run 'value: "own: all scores, softmax over them, values in key blocks of 128"'
[ "$(digest a.forced/$reference)" != "$(digest $run)" ] || fail "two kernels, the same bits"

finish
