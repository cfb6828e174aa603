#!/bin/sh
# The command's exit codes and texts: command_test.sh SYNTHESIZE_CHECKPOINT
set -u

synthesize=$PWD/$1
mini=$PWD/testdata/mini_qwen3_moe/awq/config.json
out=$TEST_TMPDIR/out
failures=0

# expect CODE TEXT ARGUMENTS...: runs it, with this exit code and this text in its output.
expect() {
  code=$1 text=$2
  shift 2
  output=$("$synthesize" "$@" 2>&1)
  found=$?
  case $found:$output in
    "$code:"*"$text"*) ;;
    *)
      echo "FAILED: $*: exit code $found, expected $code and '$text': $output"
      failures=$((failures + 1))
      ;;
  esac
}

expect 0 "synthesize_checkpoint --quant=bnb" --help
expect 2 "unknown flag --quantization" --quantization=awq
expect 2 "--output=DIR is needed"
expect 2 "unexpected argument 'awq'" awq
expect 2 "expected awq, gptq, bnb or none, found 'int8'" --quant=int8 --output="$out"
expect 2 "found 'qwen4'" --config=qwen4 --output="$out"
expect 1 "none.json" --config=none.json --output="$out"
expect 0 "74739 tensors, 16.93 GB" --quant=gptq --dry_run
[ -e "$out" ] && echo "FAILED: something was written" && failures=$((failures + 1))
expect 0 "digest     " --config="$mini" --quant=bnb --output="$out"
expect 1 "expected an empty or a new directory" --config="$mini" --output="$out"
cmp "$out/tokenizer.json" "${mini%/*}/tokenizer.json" || failures=$((failures + 1))

[ "$failures" -eq 0 ] && echo "all passed"
exit "$failures"
