#!/bin/bash
# The three tools one after the other, as README shows them, on two made-up machines; the report's
# figures must be those of an independent analysis, to the last digit.
set -eu
root=$PWD
cd "$TEST_TMPDIR"
prompt="--document_tokens=200 --decode_steps=6 --threads=2"

"$root/runner/exp0" $prompt --hardware=A100-80GB
"$root/runner/exp0" $prompt --hardware=H100 --dtype=bfloat16 --reference=results/A100-80GB/A100_reference
"$root/collector/fuse"
"$root/analyzer/compare" --tidy=tidy.tsv

ls experiments/reference_baseline.json report/analysis_reports.json report/summary.json
python3 "$root/analyzer/testing/reference_analysis.py" experiments report tidy.tsv

# The rows are not empty: two machines, every layer and signal.
grep -q "cross_hardware_baseline.A100-H100.A100_reference.H100_reference.baseline.hidden_states/layer_13" tidy.tsv
