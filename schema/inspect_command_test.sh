#!/bin/sh
# The command's exit codes: inspect_command_test.sh INSPECT MAKE_RESULTS
set -u

inspect=$PWD/$1
make_results=$PWD/$2
results=$TEST_TMPDIR/results
failures=0

# expect CODE TEXT COMMAND...: runs it, with this exit code and this text in its output.
expect() {
  code=$1 text=$2
  shift 2
  output=$("$@" 2>&1)
  found=$?
  case $found:$output in
    "$code:"*"$text"*) ;;
    *)
      echo "FAILED: $*: exit code $found, expected $code and '$text': $output"
      failures=$((failures + 1))
      ;;
  esac
}
full_device() { "$inspect" "$results" > /dev/full; }

"$make_results" "$results" || failures=1
expect 2 "expected a path" "$inspect"
expect 0 "A100_reference" "$inspect" "$results"
expect 1 "standard output: cannot be written" full_device
ln -s loop "$results/loop"
expect 4 "$results/loop: " "$inspect" "$results"
rm "$results/loop" "$results/H100/H100_reference/rep_2.rank_0_of_1.shard"
expect 4 "no such file" "$inspect" "$results"
expect 4 "no such file" "$inspect" "$results/H100/H100_reference"
expect 1 "$results/x: no such file" "$inspect" "$results/x"

[ "$failures" -eq 0 ] && echo "all passed"
exit "$failures"
