#!/bin/bash
# Experiment 2: the parts that a compiler fuses, compiled ahead of time.
source runner/testing/experiments.sh
run=a/CPU-X/CPU-X_compiled

echo "--- the reference comes first"
expect 1 "bazel run //runner:exp0" "$exp2" $small --output=a

echo "--- compiled parts leave other bits, each time the same, and the same tokens"
expect 0 "3, bit-identical" "$exp0" $small --output=a
expect 0 "CPU-X_compiled" "$exp2" $small --output=a
grep -q "forced to the tokens of CPU-X_reference; its own choices agree throughout" out ||
  fail "other tokens in float32: $(grep decoding out)"
expect_run $run
expect_field $run 'compile: true'
expect_field $run 'value: "sha256:[0-9a-f]{64}"'
expect_field $run 'value: "AOTInductor of torch [0-9.]+, AVX2"'
expect_field $run 'kernel: "compiled/split_heads"'
expect_field $run 'other_shapes: "decode add_rms_norm/own \(width=256\): 1 row, here none"'
expect_field $run 'other_shapes: "decode compiled/add_norm \(width=256\): none, here 1 row"'
[ "$(digest a/$reference)" != "$(digest $run)" ] || fail "compiled and not, the same bits"

echo "--- a second run agrees"
cp -r a b && rm -r b/CPU-X/CPU-X_compiled
expect 0 "3, bit-identical" "$exp2" $small --output=b
[ "$(digest $run)" = "$(digest b/CPU-X/CPU-X_compiled)" ] || fail "two runs differ"

echo "--- bfloat16 has a package of its own"
expect 0 "3, bit-identical" "$exp0" $small --output=half --dtype=bfloat16
expect 0 "3, bit-identical" "$exp2" $small --output=half --dtype=bfloat16
[ "$(digest half/$reference)" != "$(digest half/CPU-X/CPU-X_compiled)" ] || fail "bfloat16: the same bits"

echo "--- packages that do not serve are named"
packages=$runfiles/runner/compile/mini_packages
cp -rL "$packages" cut && chmod -R u+w cut
truncate -s 1000 cut/float32_*.pt2
expect 1 "cut/float32_.*.pt2: expected [0-9]+ bytes .*, found 1000" \
  "$exp2" $small --output=a --overwrite --compiled_packages=cut
cp -rL "$packages" changed && chmod -R u+w changed
printf 'x' | dd of="$(echo changed/float32_*.pt2)" bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 1 "changed/float32_.*.pt2: expected SHA-256 .*, found .*build_packages" \
  "$exp2" $small --output=a --overwrite --compiled_packages=changed
cp -rL "$packages" other && chmod -R u+w other
sed -i 's/hidden=256/hidden=512/' other/index.json
expect 4 "no compiled package for cpu, float32, hidden=256 .*--dtype=float32 --output=.*other" \
  "$exp2" $small --output=a --overwrite --compiled_packages=other
expect 1 "nowhere/index.json" "$exp2" $small --output=a --overwrite --compiled_packages=nowhere
expect_run $run

finish
