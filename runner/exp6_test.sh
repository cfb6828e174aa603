#!/bin/bash
# Experiment 6: the runner built against other libtorch versions, in processes of their own.
source runner/testing/experiments.sh

# with_builds_of FOLDER COMMAND...: as where no other builds came along than those in FOLDER.
with_builds_of() {
  local files=$PWD/$1/floating_point_forensics
  shift
  mkdir -p "$files/runner"
  ln -sfn "$TEST_SRCDIR/floating_point_forensics/testdata" "$files/testdata"
  env -u RUNFILES_MANIFEST_FILE RUNFILES_DIR="${files%/*}" "$@"
}

echo "--- the reference comes first"
expect 1 "bazel run //runner:exp0" "$exp6" $small --output=a
expect 0 "3, bit-identical" "$exp0" $small --output=a
expect_field a/$reference 'cuda: "13.0"'

echo "--- another libtorch, the same work"
for version in 12.6 12.8; do
  suffix=cu${version/./}
  run=a/CPU-X/CPU-X_$suffix
  expect 0 "CPU-X_$suffix" "$exp6" $small --output=a --only=$suffix
  grep -q "forced to the tokens of CPU-X_reference" out || fail "not forced: $(grep decoding out)"
  grep -q "repetition 3 of 3, decode" out || fail "no progress of the other build"
  [ "$(grep -c "^CPU-X_" out)" -eq 1 ] || fail "summaries: $(grep ^CPU-X_ out)"
  expect_run $run
  expect_field $run "cuda_version: \"$version\""
  expect_field $run "cuda: \"$version\""
done
expect_field a/CPU-X/CPU-X_cu126 'torch: "2.7'
expect_field a/CPU-X/CPU-X_cu128 'torch: "2.10'

echo "--- finished work is kept; a fault in the other build is reported by this one"
before=$(stat -c %Y.%i a/CPU-X/CPU-X_cu126/manifest.textproto)
expect 0 "CPU-X_cu126" "$exp6" $small --output=a --only=cu126
[ "$before" = "$(stat -c %Y.%i a/CPU-X/CPU-X_cu126/manifest.textproto)" ] || fail "redone"
expect 3 "step 2, position [0-9]+, hidden_states/layer_4, element 7" \
  "$exp6" $small --output=flip --reference=a/$reference --inject_bit_flip=1:2:4:7 --only=cu126
expect 1 "cu126: rank 0 .* exited with code 1" \
  "$exp6" $small --output=a --only=cu126 --inject_bit_flip=1:2:4:7
grep -q "holds a finished run of other work" out || fail "the other build's own error is not shown"

echo "--- versions that did not come along are named"
for suffix in cu118 cu121 cu126 cu128; do
  version=${suffix:2:2}.${suffix:4}
  expect 4 "not run: $suffix: no runner .* CUDA $version comes along; .*versions.bzl" \
    with_builds_of none "$exp6" $small --output=a --reference=a/$reference
done
expect 0 "not run: cu118" with_builds_of none "$exp6" $small --output=a --allow_missing

echo "--- another build that crashes is named"
mkdir -p crashing/floating_point_forensics/runner
printf '#!/bin/sh\nkill -SEGV $$\n' >crashing/floating_point_forensics/runner/exp6_cuda_12.6
chmod +x crashing/floating_point_forensics/runner/exp6_cuda_12.6
expect 1 "cu126: rank 0 \(process [0-9]+\) was killed by signal 11 \(Segmentation fault" \
  with_builds_of crashing "$exp6" $small --output=a --only=cu126

echo "--- an interruption reaches the other build"
"$exp6" $small --output=interrupted --reference=a/$reference --only=cu126 \
  --repetitions=2000 >out 2>&1 &
pid=$!
await_file $pid interrupted/CPU-X/CPU-X_cu126/rep_0.rank_0_of_1.shard
child=$(cat /proc/$pid/task/$pid/children)
kill -TERM $pid
wait $pid
[ $? -eq 1 ] || fail "exit code after SIGTERM"
grep -q "finished repetitions are kept" out || { fail "no word of SIGTERM"; cat out; }
[ -n "$child" ] && [ ! -e "/proc/${child% }" ] || fail "the other build still runs: $child"
[ ! -e interrupted/CPU-X/CPU-X_cu126/manifest.textproto ] || fail "a manifest of unfinished work"

finish
