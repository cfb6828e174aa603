#!/bin/sh
# The command as a user types it: exit codes, files, messages.
#   fuse_command_test.sh FUSE MAKE_RESULTS CHECK_PLAN_FIELDS
set -u

fuse=$PWD/$1
make_results=$PWD/$2
check_plan_fields=$PWD/$3
failures=0

# expect CODE TEXT COMMAND...: runs it, with this exit code and this text in its output.
expect() {
  code=$1 text=$2
  shift 2
  output=$("$@" 2>&1)
  found=$?
  if [ "$found" -ne "$code" ]; then
    echo "FAILED: $*: exit code $found, expected $code: $output"
    failures=$((failures + 1))
  fi
  case $output in
    *"$text"*) ;;
    *)
      echo "FAILED: $*: no '$text' in: $output"
      failures=$((failures + 1))
      ;;
  esac
}

BUILD_WORKING_DIRECTORY=$TEST_TMPDIR/user
export BUILD_WORKING_DIRECTORY
mkdir -p "$BUILD_WORKING_DIRECTORY"

expect 1 "First: bazel run //runner:exp0" "$fuse"
expect 0 "Exit codes:" "$fuse" --help
expect 2 "unknown flag --outptu" "$fuse" --outptu=x
expect 2 "--output is empty" "$fuse" --output=
expect 2 "empty name" "$fuse" --experiment=compile,,batch_size

"$make_results" results || failures=1
expect 0 "Next: bazel run //analyzer:compare" "$fuse"
expect 0 "9 files hold every field" python3 "$check_plan_fields" \
  "$BUILD_WORKING_DIRECTORY"/experiments/*.json
expect 0 "//analyzer:compare -- $BUILD_WORKING_DIRECTORY/elsewhere" "$fuse" --output=elsewhere
expect 4 "weather: no finished run" "$fuse" --experiment=compile,weather
expect 1 "no file was written" "$fuse" --experiment=weather

# A damaged run: named, left out, and the others are fused.
run=$BUILD_WORKING_DIRECTORY/results/H100/H100_bs4
truncate -s -9 "$run/rep_2.rank_0_of_1.shard"
expect 4 "$run/rep_2.rank_0_of_1.shard: cut off" "$fuse"
expect 4 "run H100_bs4 again with --overwrite" "$fuse"
expect 4 "no finished run of batch_size = 4 on H100" "$fuse"
expect 4 "batch_size_experiment.json" "$fuse"
expect 0 "" "$fuse" --experiment=compile

# A link that leads nowhere and one that loops: named, and the others are fused.
ln -s loop "$BUILD_WORKING_DIRECTORY/results/loop"
ln -s .. "$BUILD_WORKING_DIRECTORY/results/H100/up"
expect 4 "results/loop: " "$fuse" --experiment=compile
rm "$BUILD_WORKING_DIRECTORY/results/loop"
expect 0 "" "$fuse" --experiment=compile

# What was not printed was not done.
full_device() { "$fuse" --experiment=compile > /dev/full; }
expect 1 "standard output: cannot be written" full_device

# A killed run is no obstacle: what it left is removed.
touch "$BUILD_WORKING_DIRECTORY/experiments/batch_size_experiment.json.tmp.999999999"
expect 4 "" "$fuse"
if ls "$BUILD_WORKING_DIRECTORY"/experiments/*.tmp.* 2>/dev/null; then
  echo "FAILED: temporary files are left"
  failures=$((failures + 1))
fi

[ "$failures" -eq 0 ] && echo "all passed"
exit "$failures"
