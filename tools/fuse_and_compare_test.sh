#!/bin/bash
# All nine experiments of two made-up machines, of one process and of many, through collector and
# analyzer; the report's figures must be those of an independent analysis, to the last digit.
set -eu
root=$PWD
cd "$TEST_TMPDIR"

fail() { echo "FAILED: $*"; exit 1; }

"$root/schema/testing/make_results" results
"$root/collector/fuse"
"$root/analyzer/compare" --tidy=tidy.tsv | tee summary.txt
python3 "$root/analyzer/testing/reference_analysis.py" experiments report tidy.tsv

# A row an experiment, in the plan's order, each with a verdict.
rows=$(sed -n '/^----/,/^$/p' summary.txt | awk 'NF > 1 {print $1}' | tr '\n' ' ')
[ "$rows" = "reference batch_size compile quantization attention concurrent_streams cuda_version \
tensor_parallel expert_parallel " ] || fail "rows are $rows"
[ "$(sed -n '/^----/,/^$/p' summary.txt | grep -c Undefined)" = 1 ] || fail "more than the reference is undefined"
grep -A1 "H100_concurrent .* 1.000 " summary.txt | grep -q "load ran 50% of the time, at 44%" ||
  fail "no overlap"
grep -q "^tensor_parallel *A100_tp4 " summary.txt || fail "no run time of A100_tp4"

# A rank's shard is lost: the configuration is left out by name, all else is there.
rm results/H100/H100_tp4/rep_2.rank_1_of_4.shard
code=0
"$root/collector/fuse" 2> problems.txt || code=$?
[ "$code" = 4 ] || fail "exit code $code, expected 4"
grep -q "H100_tp4/rep_2.rank_1_of_4.shard: no such file; left out" problems.txt || fail "$(cat problems.txt)"
"$root/analyzer/compare" --tidy=tidy.tsv > summary.txt
python3 "$root/analyzer/testing/reference_analysis.py" experiments report tidy.tsv
grep -q "H100_tp4" summary.txt && fail "H100_tp4 is still there"
grep -q "H100_tp2" summary.txt
