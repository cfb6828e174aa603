#!/bin/sh
# The attribute command on runs whose origin is known: verdicts, exit codes, paths, help; figures
# against a second computation.
set -u
attribute=$PWD/analyzer/attribute
tools=$PWD/analyzer/testing
python3 "$tools/make_attribution_library.py" "$TEST_TMPDIR/typed here"
cd "$TEST_TMPDIR" || exit 1
export BUILD_WORKING_DIRECTORY="$TEST_TMPDIR/typed here"
mv "typed here/library" "typed here/experiments"
failures=0

# expect CODE TEXT ARGUMENTS...: the exit code, and a text in what is printed.
expect() {
  code=$1 text=$2
  shift 2
  "$attribute" "$@" >"$TEST_TMPDIR/out" 2>&1
  found=$?
  if [ $found -ne "$code" ] || ! grep -qF -- "$text" "$TEST_TMPDIR/out"; then
    echo "attribute $*: exit code $found, expected $code and '$text' in:"
    cat "$TEST_TMPDIR/out"
    failures=1
  fi
}

# verdict CODE NAME TEXT: of unknown/NAME.json, with the report in reports/NAME.
verdict() { expect "$1" "$3" --unknown="unknown/$2.json" --output="reports/$2"; }

verdict 0 gptq_h100 "Verdict:  Bit for bit H100_gptq (quant_method=gptq on H100): all 50 positions of 5 "
verdict 0 reference_h100 "Bit for bit one of {H100_"
grep -qF "H100_True (concurrent_work=true on H100)}" out || { echo "no concurrent twin"; failures=1; }
verdict 0 gptq_elsewhere "Setup: quant_method=gptq with probability 0."
verdict 0 eager_elsewhere "Setup: attention_impl=eager with probability 0."
grep -qF "hardware: none of these with probability " out || { echo "known hardware"; failures=1; }
verdict 0 nowhere "Setup: none of these with probability 1.00"
verdict 0 log_probs_alone "Setup: quant_method=gptq with probability 0."
verdict 0 parted "Setup: quant_method=gptq with probability 0."
verdict 0 not_finite "Setup: quant_method=gptq with probability 0."
verdict 4 other_prompt "Nothing is comparable: all known configurations had other prompts."
python3 "$tools/reference_attribution.py" "typed here/experiments" \
  "typed here"/reports/*/attribution.json || { echo "second computation"; failures=1; }

# Each configuration of a library file, by the others and never by itself.
expect 0 "attribution.json" --help
expect 0 '"outcome": "attributed"' --unknown=experiments/quantization_experiment.json \
  --config_id=H100_gptq --format=json
expect 0 ",quant_method=gptq,Tensor Box 9," --unknown=experiments/quantization_experiment.json \
  --config_id=H100_gptq --format=csv
if grep -qF ",quant_method=gptq,H100," out; then echo "compared with itself"; failures=1; fi
# A name drives no terminal.
sed 's/"config_id": "/"config_id": "\\u001b[2J/g' "typed here/unknown/gptq_h100.json" >"typed here/escape.json"
expect 0 '\x1b[2J' --unknown=escape.json
if grep -q "$(printf '\033')" out; then echo "an escape"; failures=1; fi
mkdir "typed here/own"
cp "typed here/unknown/gptq_h100.json" "typed here/own/attribution.json"
expect 2 "is the same file as the input" --unknown=own/attribution.json --output=own
expect 0 "unknown_config_id,rank,file" --unknown=unknown/gptq_h100.json --format=csv
[ "$(wc -l <out)" -eq 11 ] || { echo "not ten known configurations"; failures=1; }

# The hardware is asked for with less confidence than its 8 of 10 right call for.
expect 0 "Caveat: the library's own runs are told apart more often than is stated: 8 of 10 right" \
  --unknown=unknown/gptq_h100.json
grep -qF '"caveat": "the library' "typed here"/reports/reference_h100/attribution.json || { echo "no caveat"; failures=1; }

# A library of one configuration allows no probabilities.
mkdir "typed here/one"
python3 - "typed here/experiments/quantization_experiment.json" "typed here/one/one.json" <<'END'
import json, sys
data = json.load(open(sys.argv[1]))
data["configurations"], data["runs"] = data["configurations"][:1], data["runs"][:1]
json.dump(data, open(sys.argv[2], "w"))
END
expect 0 "Setup: undecided (the library has no two to tell)" \
  --unknown=unknown/gptq_elsewhere.json --library=one/one.json

expect 0 "bazel run //analyzer:attribute -- --unknown=unlabelled.json --library=experiments" --help
expect 2 "unknown flag --no_such" --unknown=unknown/gptq_h100.json --no_such=1
expect 2 "--unknown is missing"
expect 2 "--library has an empty path" --unknown=unknown/gptq_h100.json --library=,experiments
expect 2 "flag --library is empty" --unknown=unknown/gptq_h100.json --library=
expect 2 "'stray' stands alone" --unknown=unknown/gptq_h100.json stray
expect 2 "--format is table, json or csv, not 'html'" --unknown=unknown/gptq_h100.json --format=html
expect 1 "none with config_id 'X2'" --unknown=unknown/gptq_h100.json --config_id=X2
expect 1 "no experiment file could be read in the library $TEST_TMPDIR/typed here/nowhere" \
  --unknown=unknown/gptq_h100.json --library=nowhere
expect 1 "absent.json" --unknown=absent.json
mkfifo "typed here/pipe.json"
expect 1 "pipe.json: is no regular file" --unknown=pipe.json

echo '{"experiment_metadata": 5}' >"typed here/experiments/compile_experiment.json"
expect 4 "compile_experiment.json: byte 24, line 1, at /experiment_metadata: expected an object" \
  --unknown=unknown/gptq_h100.json
"$attribute" --unknown=unknown/gptq_h100.json >/dev/full 2>"$TEST_TMPDIR/out"
[ $? -eq 1 ] && grep -q "standard output" "$TEST_TMPDIR/out" || { echo "full device"; failures=1; }
exit $failures
