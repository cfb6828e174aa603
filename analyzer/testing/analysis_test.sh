#!/bin/sh
# The analyzer's figures against a second analysis and against the plan's own code, its keys against
# the document.
set -eu
tools=analyzer/testing
python3 $tools/make_experiments.py "$TEST_TMPDIR/experiments"
analyzer/compare "$TEST_TMPDIR/experiments" --output="$TEST_TMPDIR/report" \
  --tidy="$TEST_TMPDIR/tidy.tsv" --tidy_phases="$TEST_TMPDIR/phases.tsv" \
  --tidy_folder="$TEST_TMPDIR/tables"
python3 $tools/reference_analysis.py "$TEST_TMPDIR/experiments" "$TEST_TMPDIR/report" \
  "$TEST_TMPDIR/tidy.tsv" "$TEST_TMPDIR/phases.tsv"
python3 $tools/plan_analysis.py "$TEST_TMPDIR/experiments" "$TEST_TMPDIR/report"
python3 $tools/check_documented_keys.py docs/file_formats.md "$TEST_TMPDIR/report" "$TEST_TMPDIR/tables"
