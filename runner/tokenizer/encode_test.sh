#!/bin/sh
# The command line of //runner/tokenizer:encode: output, errors, exit codes, flushing.
set -u
encode=$1
tokenizer=$2
failed=0

# holds FILE PART: an empty part is in an empty file too.
holds() {
  [ -z "$2" ] || grep -qF -- "$2" "$TEST_TMPDIR/$1"
}

# expect NAME EXIT-CODE PART-OF-OUTPUT PART-OF-ERRORS
expect() {
  if [ "$code" -ne "$2" ] || ! holds out "$3" || ! holds err "$4"; then
    echo "FAILED: $1 (exit code $code, wanted $2; wanted '$3' and '$4')"
    cat "$TEST_TMPDIR/out" "$TEST_TMPDIR/err"
    failed=1
  fi
}

# run INPUT ARGUMENT...
run() {
  printf "$1" >"$TEST_TMPDIR/in"
  shift
  "$encode" "$@" <"$TEST_TMPDIR/in" >"$TEST_TMPDIR/out" 2>"$TEST_TMPDIR/err"
  code=$?
}

run '"12"\n"<|im_end|>\\n"\n' --tokenizer="$tokenizer"
expect 'ids' 0 '[16,17]' ''
expect 'special tokens' 0 '[4072,198]' ''
run '""' --tokenizer="$tokenizer"
expect 'no newline at the end' 0 '[]' ''
run '"a"\n{}\n' --tokenizer="$tokenizer"
expect 'ids before the bad line' 1 '[64]' 'line 2: not a JSON string'
run 'a\n' --tokenizer="$tokenizer"
expect 'not JSON' 1 '' 'line 1: not JSON'
run '"\\ud800"\n' --tokenizer="$tokenizer"
expect 'half a surrogate pair' 1 '' 'line 1: not JSON'
run '"\303"\n' --tokenizer="$tokenizer"
expect 'not UTF-8' 1 '' 'line 1: not JSON'
run '\n' --tokenizer="$tokenizer"
expect 'blank line' 1 '' 'line 1: not JSON'
run '' --tokenizer=no/such.json
expect 'missing file' 1 '' 'no/such.json'
run ''
expect 'no tokenizer' 2 '' '--tokenizer=FILE is needed'
run '' --tokenizer="$tokenizer" extra
expect 'extra argument' 2 '' "'extra'"
run '' --no_such_flag
expect 'unknown flag' 2 '' 'no_such_flag'
run '' --help
expect 'help' 0 'encode --tokenizer=DIR/tokenizer.json' ''

# Relative to where the user typed the command.
BUILD_WORKING_DIRECTORY=$(dirname "$PWD/$tokenizer") run '"12"\n' --tokenizer=tokenizer.json
expect 'relative path' 0 '[16,17]' ''

# Answers come line by line, not at the end of the input.
mkfifo "$TEST_TMPDIR/questions" "$TEST_TMPDIR/answers"
"$encode" --tokenizer="$tokenizer" <"$TEST_TMPDIR/questions" >"$TEST_TMPDIR/answers" &
exec 3>"$TEST_TMPDIR/questions" 4<"$TEST_TMPDIR/answers"
for text in 1 2; do
  echo "\"$text\"" >&3
  read -r answer <&4
  [ "$answer" = "[$((15 + text))]" ] || { echo "FAILED: interactive: $answer"; failed=1; }
done
exec 3>&-
wait $!
exit $failed
