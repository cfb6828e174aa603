#!/bin/sh
# The verify command: verdicts, exit codes, paths, help.
set -u
verify=$PWD/analyzer/verify
python3 "$PWD/analyzer/testing/make_attribution_library.py" "$TEST_TMPDIR/typed here"
cd "$TEST_TMPDIR/typed here" || exit 1
export BUILD_WORKING_DIRECTORY="$TEST_TMPDIR/typed here"
failures=0

# What a recomputation of the H100's half of a file would leave, with one value or field changed.
cat >recompute.py <<'EOF'
import json, sys
source, target, change = sys.argv[1:]
data = json.load(open(source))
mine = [c for c in data["configurations"] if c["hardware"].startswith("H100")]
ids = {c["config_id"] for c in mine}
runs = [r for r in data["runs"] if r["config_id"] in ids]
for item in mine + runs:
    item["config_id"] = "again_" + item["config_id"]
for c in mine:
    c["hardware"] = "emulated:H100"
stored = [r for r in runs if r["decode_steps"]]
if change == "value":
    for r in stored:
        layers = r["decode_steps"][-1]["hidden_states"]
        positions = layers[sorted(layers)[0]]
        vector = positions["pos_-1"]
        vector[2] = vector[2] + 1
elif change == "prompt":
    for r in runs:
        r["prompt_text"] = "another"
elif change == "batch_size":
    for c in mine:
        c["fixed_params"]["batch_size"] = 8
elif change == "model":
    data["experiment_metadata"]["model"] = "another"
elif change == "no_prompt":
    for r in runs:
        r.pop("prompt_text")
elif change == "configuration":
    mine.pop()
data["configurations"], data["runs"] = mine, runs
json.dump(data, open(target, "w"))
claimed = json.load(open(source))
claimed["configurations"] = [c for c in claimed["configurations"] if c["hardware"].startswith("H100")]
claimed["runs"] = [r for r in claimed["runs"] if "again_" + r["config_id"] in {c["config_id"] for c in data["configurations"]} or change == "configuration"]
if change == "batch_size":
    for c in claimed["configurations"]:
        c["fixed_params"]["batch_size"] = 1
json.dump(claimed, open("claimed.json", "w"))
EOF

# expect CODE TEXT ARGUMENTS...: the exit code, and a text in what is printed.
expect() {
  code=$1 text=$2
  shift 2
  "$verify" "$@" >"$TEST_TMPDIR/out" 2>&1
  found=$?
  if [ $found -ne "$code" ] || ! grep -qF -- "$text" "$TEST_TMPDIR/out"; then
    echo "verify $*: exit code $found, expected $code and '$text' in:"
    cat "$TEST_TMPDIR/out"
    failures=1
  fi
}

# verdict CODE CHANGE TEXT
verdict() {
  python3 recompute.py library/quantization_experiment.json again.json "$2" || failures=1
  expect "$1" "$3" --claimed=claimed.json --recomputed=again.json
}

verdict 0 nothing "(H100) recomputed as again_"
grep -q ": EQUAL" "$TEST_TMPDIR/out" || { echo "not equal"; failures=1; }
grep -q "PARTED" "$TEST_TMPDIR/out" && { echo "parted"; failures=1; }
verdict 3 value "/pos_-1, element 2: "
grep -q ": PARTED" "$TEST_TMPDIR/out" || { echo "not parted"; failures=1; }
expect 3 '"verdict": "parted"' --claimed=claimed.json --recomputed=again.json --format=json
python3 -m json.tool "$TEST_TMPDIR/out" >/dev/null || { echo "no JSON"; failures=1; }
verdict 5 prompt ": CONTRADICTED"
verdict 5 batch_size "contradiction: fixed_params.batch_size: "
expect 5 '"verdict": "contradicted"' --claimed=claimed.json --recomputed=again.json --format=json
verdict 5 model "contradiction: experiment_metadata.model: "
verdict 0 no_prompt "not checked: prompt_text of repetition "
expect 4 "are one file: nothing was recomputed" --claimed=again.json --recomputed=again.json
# Two named configurations of one file may be a claim and its recomputation.
python3 - >both.json <<'END'
import json
both, again = json.load(open("claimed.json")), json.load(open("again.json"))
both["configurations"] += again["configurations"]
both["runs"] += again["runs"]
print(json.dumps(both))
END
id=$(python3 -c 'import json; print(json.load(open("claimed.json"))["configurations"][0]["config_id"])')
expect 0 ": EQUAL" --claimed=both.json --recomputed=both.json --claimed_config="$id" \
  --recomputed_config="again_$id"
grep -q "are one file" "$TEST_TMPDIR/out" && { echo "two configurations are one"; failures=1; }
expect 4 "are one file" --claimed=both.json --recomputed=both.json --claimed_config="$id" \
  --recomputed_config="$id"
sed s/emulated:H100/emulated:A100/ again.json >a100.json
expect 0 "of another GPU than the claim's" --claimed=again.json --recomputed=a100.json
expect 0 "the recomputation is not emulated: its hardware is H100" --claimed=again.json \
  --recomputed=claimed.json
verdict 4 configuration "not recomputed"

expect 2 "--claimed is missing" --recomputed=again.json
expect 2 "--recomputed is missing" --claimed=claimed.json
expect 2 "go together" --claimed=claimed.json --recomputed=again.json --claimed_config=x
expect 2 "table or json" --claimed=claimed.json --recomputed=again.json --format=csv
expect 2 "stands alone" claimed.json
mkfifo pipe.json
expect 1 "pipe.json: is no regular file" --claimed=pipe.json --recomputed=again.json
expect 1 "missing.json" --claimed=missing.json --recomputed=again.json
head -c 2000 again.json >cut.json
expect 1 "cut.json: byte 2000" --claimed=claimed.json --recomputed=cut.json
expect 1 "the claim in" --claimed=library/attention_experiment.json --recomputed=again.json
# Each alone has room, both in memory together are more than one budget.
python3 - >hollow.json <<'END'
steps = ",".join(["{}"] * 1000000)
print('{"experiment_metadata":{"experiment_type":"x"},"configurations":[{"config_id":"c"}],'
      '"runs":[{"config_id":"c","decode_steps":[%s]}]}' % steps)
END
cp hollow.json too.json
expect 1 "too.json: byte " --claimed=hollow.json --recomputed=too.json
expect 1 "more structure and text than 402653184 bytes hold" --claimed=hollow.json --recomputed=too.json
expect 0 "Exit code: 0 all equal" --help
exit $failures
