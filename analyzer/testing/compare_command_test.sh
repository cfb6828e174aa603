#!/bin/sh
# The command line of the compare tool: exit codes, paths, help.
set -u
compare=$PWD/analyzer/compare
python3 analyzer/testing/make_experiments.py "$TEST_TMPDIR/typed here/experiments"
cd "$TEST_TMPDIR" || exit 1
export BUILD_WORKING_DIRECTORY="$TEST_TMPDIR/typed here"
failures=0

# expect CODE TEXT ARGUMENTS...: the exit code, and a text in what is printed.
expect() {
  code=$1 text=$2
  shift 2
  "$compare" "$@" >"$TEST_TMPDIR/out" 2>&1
  found=$?
  if [ $found -ne "$code" ] || ! grep -qF -- "$text" "$TEST_TMPDIR/out"; then
    echo "compare $*: exit code $found, expected $code and '$text' in:"
    cat "$TEST_TMPDIR/out"
    failures=1
  fi
}

expect 0 "DETECTABILITY SUMMARY"
for file in analysis_reports.json summary.json report.html; do
  [ -s "typed here/report/$file" ] || { echo "no report/$file where typed"; failures=1; }
done
expect 0 '"experiment": "batch_size"' experiments/batch_size_experiment.json --format=json
expect 0 "<!doctype html>" experiments/batch_size_experiment.json --format=html
expect 0 "Reports of 9 experiments" experiments --output=elsewhere --tidy=elsewhere/tidy.tsv
[ "$(cut -f2 "typed here/elsewhere/tidy.tsv" | sort -u | tr '\n' ' ')" = \
  "cross_hardware_baseline cross_hardware_detectability within_hardware " ] || failures=1

# CSV is the table of phases: the same cells as with tabs, as python3 reads them.
expect 0 "Reports of 9 experiments" experiments --tidy_phases=phases.tsv --tidy_folder=tables
"$compare" experiments --format=csv 2>/dev/null >"typed here/phases.csv"
cmp "typed here/phases.tsv" "typed here/tables/phases.tsv" || failures=1
python3 - "typed here" <<'PYTHON' || { echo "CSV"; failures=1; }
import csv, sys
with open(sys.argv[1] + "/phases.csv", newline="") as commas, open(sys.argv[1] + "/phases.tsv") as tabs:
    rows = list(csv.reader(commas, strict=True))
    assert len(rows) > 1000
    assert rows == list(csv.reader(tabs, delimiter="\t", quoting=csv.QUOTE_NONE))
PYTHON

expect 0 "bazel run //analyzer:compare -- experiments" --help
expect 2 "unknown flag --no_such" --no_such=1
expect 2 "--format is table, json, csv or html, not 'xml'" --format=xml
expect 2 "--output is empty" --output=
expect 2 "is the same file as --tidy" --tidy=one.tsv --tidy_phases=elsewhere/../one.tsv
expect 2 "is the same file as the input" --tidy=experiments/batch_size_experiment.json
# Both tables go to one descriptor, here a file, one behind the other.
for table in elsewhere/tidy phases; do
  expect 0 "$(sed -n 2p "typed here/$table.tsv")" experiments --output=elsewhere \
    --tidy=/dev/stdout --tidy_phases=/dev/stdout
done
expect 2 "--false_positive_rate is not between 0 and 1" --false_positive_rate=1
expect 0 "Reports of 1 experiment are" experiments/batch_size_experiment.json --seed=7 \
  --false_positive_rate=0.001 --output=seeded
for text in '"seed": 7,' '"false_positive_rate": 0.001,'; do
  grep -qF "$text" "typed here/seeded/analysis_reports.json" || { echo "no $text"; failures=1; }
done
expect 1 "no experiment files in $TEST_TMPDIR/typed here/nowhere" nowhere

echo '{"experiment_metadata": 5}' >"typed here/experiments/compile_experiment.json"
expect 4 "compile_experiment.json: byte 24, line 1, at /experiment_metadata: expected an object"
expect 4 "Reports of 8 experiments"
rm "typed here/experiments/compile_experiment.json"
expect 0 "Skipping compile_experiment.json (not found)"
expect 0 "*_experiment.json" --help
expect 2 "an input is an empty text" ""
expect 4 "compile_experiment.json: no such file" experiments experiments/compile_experiment.json

# A pipe that nobody writes to is not waited for.
mkdir "typed here/piped"
mkfifo "typed here/piped/batch_size_experiment.json"
expect 1 "batch_size_experiment.json: is no regular file" piped
expect 1 "batch_size_experiment.json: is no regular file" piped/batch_size_experiment.json

# All files damaged: an older report is left alone. A full device is an error.
mkdir "typed here/damaged"
echo '{' >"typed here/damaged/batch_size_experiment.json"
cp "typed here/report/summary.json" "$TEST_TMPDIR/old"
expect 1 "is as it was" damaged
cmp "typed here/report/summary.json" "$TEST_TMPDIR/old" || failures=1
"$compare" >/dev/full 2>"$TEST_TMPDIR/out"
[ $? -eq 1 ] && grep -q "standard output" "$TEST_TMPDIR/out" || { echo "full device"; failures=1; }
exit $failures
