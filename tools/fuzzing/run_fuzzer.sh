#!/bin/bash
# Runs a fuzz_test: its corpus, then new inputs. Arguments are libFuzzer's, and win over those here.
# An input that breaks the fuzzer is printed, to be made a file of the corpus with its mending.
set -uo pipefail

work=${TEST_TMPDIR:-$(mktemp -d)}
corpus=$work/corpus
mkdir -p "$corpus"
number=0
for seed in $FUZZ_CORPUS; do
  number=$((number + 1))
  cp "$seed" "$corpus/$number-$(basename "$seed")"
done

options=(-max_total_time="$FUZZ_SECONDS" -max_len="$FUZZ_MAX_LEN" -timeout=25 -rss_limit_mb=1024
  -malloc_limit_mb=512 -print_final_stats=1 -artifact_prefix="$work/broken-")
# In a test the same inputs each time, as far as time allows; by hand always new ones.
[ $# -gt 0 ] || options+=(-seed=1)
[ -z "$FUZZ_DICTIONARY" ] || options+=(-dict="$FUZZ_DICTIONARY")

export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
"$FUZZER" "${options[@]}" "$@" "$corpus" 2>&1 | grep -v -E '^(#[0-9]+\s(REDUCE|NEW|RELOAD|pulse) |NEW_FUNC|\[libprotobuf)'
status=${PIPESTATUS[0]}

for input in "$work"/broken-*; do
  [ -e "$input" ] || continue
  echo "broken by $input, $(stat -c %s "$input") bytes; to get it: base64 -d >FILE <<END"
  head -c 65536 "$input" | base64
  echo END
done
exit "$status"
