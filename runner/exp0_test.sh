#!/bin/bash
# Experiment 0's binary as a user meets it: what it prints, leaves, refuses and survives.
source runner/testing/experiments.sh
run=$reference

echo "--- a run, and what it leaves"
expect 0 "3, bit-identical" "$exp0" $small --output=a
[ "$(ls a/$run)" = "$(printf 'manifest.textproto\nrep_2.rank_0_of_1.shard')" ] || fail "files: $(ls a/$run)"
grep -q 'dtype: "float32"' a/$run/manifest.textproto || fail "no dtype in the manifest"
expect 0 "Next:  bazel run //collector:fuse -- a" "$exp0" $small --output=a

echo "--- two runs agree"
expect 0 "bit-identical" "$exp0" $small --output=b
[ "$(digest a/$run)" = "$(digest b/$run)" ] || fail "digests differ: $(digest a/$run) $(digest b/$run)"

echo "--- a finished run whose shard is gone is no finished run"
cp -r a lost && rm lost/$run/rep_2.rank_0_of_1.shard
expect 1 "overwrite" "$exp0" $small --output=lost

echo "--- finished work is kept unless asked"
before=$(stat -c %Y.%i a/$run/manifest.textproto)
expect 0 "bit-identical" "$exp0" $small --output=a
[ "$before" = "$(stat -c %Y.%i a/$run/manifest.textproto)" ] || fail "finished work was redone"
expect 1 'config.dtype: "float32" -> "bfloat16"' "$exp0" $small --output=a --dtype=bfloat16
expect 0 "bfloat16" "$exp0" $small --output=b --dtype=bfloat16 --overwrite

echo "--- another attention kernel leaves other bits"
expect 0 "flash_attention_portable" "$exp0" $small --output=p --attention_impl=flash_attention_portable
[ "$(digest a/$run)" != "$(digest p/$run)" ] || fail "two kernels, the same bits"
expect 2 "attention_impl: expected one of flash_attention_2, .*found \"paged\"" \
  "$exp0" $small --output=d --attention_impl=paged

echo "--- another instruction set is another hardware"
expect 0 "hardware +.* AVX2" "$exp0" ${small/--hardware=CPU-X/} --output=isa --cpu_isa=avx2
grep -q 'key: "cpu_isa"' isa/*AVX2/*_AVX2_reference/manifest.textproto || fail "no cpu_isa in the manifest"
expect 0 "hardware +CPU-X$" "$exp0" $small --output=named --cpu_isa=avx2
if grep -qw avx512vl /proc/cpuinfo; then
  [ "$(digest a/$run)" != "$(digest named/$run)" ] || fail "AVX-512 and AVX2, the same bits"
fi
grep -qw amx_tile /proc/cpuinfo ||
  expect 1 "cpu_isa=amx: this CPU lacks amx_tile.*; it has avx2" "$exp0" --cpu_isa=amx --output=d
expect 2 "cpu_isa: expected one of avx2, avx512, amx, found \"sse\"" "$exp0" --cpu_isa=sse

echo "--- a GPU's arithmetic on the CPU is another hardware, and no GPU"
emulated=${small/--hardware=CPU-X/--hardware=emulated:H100}
expect 0 "hardware +emulated:H100$" "$exp0" $emulated --output=emulated
manifest=$(echo emulated/emulated_H100-*/emulated_H100_reference/manifest.textproto)
grep -q 'key: "emulated_products"' $manifest || fail "no recipes in the manifest"
grep -q 'key: "emulated_arithmetic"' $manifest || fail "no arithmetic in the manifest"
grep -A1 'key: "emulated_products_unmeasured"' $manifest | grep -q 'value: "none"' || fail "unmeasured products"
grep -q 'dtype: "bfloat16"' $manifest || fail "emulated in another dtype than a GPU's"
expect 2 "expected one of emulated:A100, emulated:H100" "$exp0" --hardware=emulated:Z1
for label in Emulated:H100 EMULATED:H100 emulated_H100; do
  expect 2 "hardware '$label': expected one of emulated:A100" "$exp0" ${small/CPU-X/$label} --output=d
done
expect 2 "no captured step for A100" "$exp0" --hardware=emulated:A100 --decode_graph=true
expect 2 "cpu_isa and --hardware=emulated" "$exp0" --hardware=emulated:H100 --cpu_isa=avx2
expect 2 "not with --device=cuda" "$exp0" --hardware=emulated:H100 --device=cuda
expect 4 "dtype float32 is not emulated" "$exp0" $emulated --dtype=float32 --output=d

echo "--- a flipped bit is found, reported, kept"
expect 3 "step 2, position [0-9]+, hidden_states/layer_4, element 7" \
  "$exp0" $small --output=flip --inject_bit_flip=1:2:4:7
grep -q ", 1 ULP apart" out || fail "no ULPs"
[ "$(ls flip/$run | grep -c shard)" -eq 3 ] || fail "not all repetitions are kept"
expect 3 "NOT bit-identical" "$exp0" $small --output=flip --inject_bit_flip=1:2:4:7

echo "--- forced decoding feeds the reference's tokens"
expect 0 "forced to the tokens of CPU-X_reference" \
  "$exp0" $small --output=c --dtype=bfloat16 --reference=a/$run
expect 1 "not reproducible, so it cannot be a reference" \
  "$exp0" $small --output=d --reference=flip/$run
expect 1 "another prompt" "$exp0" $small --document_tokens=151 --output=d --reference=a/$run
expect 1 "another number of steps: 4" "$exp0" $small --decode_steps=5 --output=d --reference=a/$run
expect 1 "no finished reference run" "$exp0" $small --output=d --reference=nowhere
expect 2 "needs --reference" "$exp0" $small --output=d --decoding=forced

echo "--- prompt tokens replace the document"
echo '[4071, 2001, 198, 50, 332]' >ids.json
expect 0 "prompt +5 tokens" "$exp0" --prompt_tokens=ids.json --decode_steps=2 --output=ids
echo '[4071, 99999]' >bad.json
expect 1 "bad.json.*99999" "$exp0" --prompt_tokens=bad.json --output=d

echo "--- wrong usage"
expect 2 "unknown flag --modle" "$exp0" --modle=x
expect 2 "bad value 'many'" "$exp0" --repetitions=many
expect 2 "neither float32 nor bfloat16" "$exp0" --dtype=float8
expect 2 "neither free nor forced" "$exp0" --decoding=maybe
expect 2 "contradict" "$exp0" --decoding=free --reference=a/$run
expect 2 "unexpected argument 'a'" "$exp0" a
expect 2 "must not be negative" "$exp0" --repetitions=-1
expect 2 "expected 0 to 1024, found -1" "$exp0" --threads=-1
expect 2 "expected 0 to 1024, found 100000" "$exp0" --threads=100000
expect 0 "bazel run //runner:exp0" "$exp0" --help

echo "--- a GPU is started before any file is read"
expect 2 "device: 'tpu' is neither cpu nor cuda" "$exp0" --device=tpu
expect 2 "contradict" "$exp0" --device=cuda --cpu_isa=avx2
expect 2 "gpu needs --device=cuda" "$exp0" --gpu=1
expect 2 "expected one of flash_attention_2, eager, cudnn; found \"flash_attention_portable\"" \
  "$exp0" --device=cuda --attention_impl=flash_attention_portable
if ! ldconfig -p | grep -q libcuda.so.1; then
  expect 1 "device=cuda: no NVIDIA driver here: libcuda.so.1" "$exp0" --device=cuda --model=nowhere --output=d
fi

echo "--- bad input"
expect 1 "nowhere" "$exp0" --model=nowhere --output=d
expect 1 "nowhere.pdf" "$exp0" --document=nowhere.pdf --output=d
expect 1 "999999" "$exp0" --document_tokens=999999 --output=d
expect 2 "REPETITION:STEP" "$exp0" $small --inject_bit_flip=x --output=d
expect 2 "step 4: expected 0 to 3" "$exp0" $small --inject_bit_flip=1:4:0:0 --output=d
expect 2 "output must not be empty" "$exp0" $small --output=
expect 2 "hardware needs a value" "$exp0" --hardware --output=d
expect 0 "1, so reproducibility is not verifiable" "$exp0" $small --output=one --repetitions=1
[ ! -e d ] || [ -z "$(find d -type f)" ] || fail "a failed start left files: $(find d -type f)"

echo "--- kill -9 at any moment leaves finished repetitions or none"
long="--document_tokens=1500 --decode_steps=12 --threads=2 --hardware=CPU-X --output=killed"
expect 0 "bit-identical" "$exp0" ${long/killed/whole}
for delay in 0.3 0.7 1.1 1.5; do
  "$exp0" $long >/dev/null 2>&1 &
  sleep "$delay"
  kill -9 $! 2>/dev/null
  wait $! 2>/dev/null
done
expect 0 "bit-identical" "$exp0" $long
[ "$(digest killed/$run)" = "$(digest whole/$run)" ] || fail "digest after kills: $(digest killed/$run)"
[ "$(ls killed/$run | wc -l)" -eq 2 ] || fail "left over: $(ls killed/$run)"

echo "--- SIGINT and SIGTERM end it after the step, and it goes on"
for signal in INT TERM; do
  rm -rf interrupted
  "$exp0" ${long/killed/interrupted} --repetitions=200 >out 2>&1 &
  pid=$!
  await_file $pid interrupted/$run/rep_0.rank_0_of_1.shard
  kill -$signal $pid
  wait $pid
  [ $? -eq 1 ] || fail "exit code after SIG$signal"
  grep -q "finished repetitions are kept" out || { fail "no word of SIG$signal"; cat out; }
  [ ! -e interrupted/$run/manifest.textproto ] || fail "a manifest of unfinished work"
done
expect 0 "continued: repetition 1 is there already" "$exp0" ${long/killed/interrupted}

echo "--- a program that is carried alone needs no file that it is told the place of"
mini=$runfiles/testdata/mini_qwen3_moe
expect 0 "bit-identical" env -u RUNFILES_MANIFEST_FILE RUNFILES_DIR="$PWD/nothing" "$exp0" $small \
  --output=alone --model="$mini/awq" --document="$mini/documents/doc0.pdf"

echo "--- a full disk is an error that loses nothing"
(
  ulimit -f 20 # blocks of 1 KiB: a shard does not fit
  trap '' XFSZ
  failures=0
  expect 1 "full/$run/.*write" "$exp0" ${long/killed/full}
  exit $failures
) || fail "with a full disk"
[ -z "$(find full -type f)" ] || fail "a full disk left $(find full -type f)"
expect 0 "bit-identical" "$exp0" ${long/killed/full}

finish
