#!/bin/bash
# All nine experiments through all three tools, on two classes of hardware that one machine can
# offer; interrupted, continued, and run again to the same bits.
set -eu
root=$PWD
cd "$TEST_TMPDIR"
fail() { echo "FAILED: $*"; exit 1; }

small="--document_tokens=150 --decode_steps=4 --threads=2 --allow_missing"
digests() { grep -h '^ *signals_sha256' "$1"/*/*/manifest.textproto; }

echo "--- killed in the middle, the same command goes on"
"$root/runner/all" $small --hardware=A100-80GB >log 2>&1 &
until grep -q "quantization.*repetition 2 of 3, prefill" log; do
  kill -0 $! 2>/dev/null || { cat log; fail "ended early"; }
  sleep 0.05
done
kill -9 $!
wait $! 2>/dev/null || true
[ -e results/A100-80GB/A100_bs4/manifest.textproto ] || fail "finished work is gone"
"$root/runner/all" $small --hardware=A100-80GB >out 2>log || { cat log; fail "all"; }
grep -q "\[3/9 compile\]" log || fail "no place in the whole: $(head -5 log)"
grep -q "batch_size.*repetition" log && fail "finished work was redone"
grep -q "continued: repetition 1 is there already" log || fail "the killed repetitions were redone"
for suffix in reference bs2 bs4 compiled gptq bnb eager concurrent cu126 cu128 tp2 tp4 ep2 ep4; do
  grep -q "^reproducible: true" results/A100-80GB/A100_$suffix/manifest.textproto || fail "$suffix"
done

echo "--- once more, from nothing: the same digests"
"$root/runner/all" $small --hardware=A100-80GB --output=again >out 2>log || { cat log; fail "again"; }
[ "$(digests results)" = "$(digests again)" ] || fail "other bits: $(diff <(digests results) <(digests again))"

echo "--- another instruction set is another hardware"
"$root/runner/all" $small --hardware=H100 --cpu_isa=avx2 \
  --reference=results/A100-80GB/A100_reference >out 2>log || { cat log; fail "avx2"; }

echo "--- nine files, nine rows"
"$root/collector/fuse" >out 2>&1 || [ $? -eq 4 ] || { cat out; fail "fuse"; }
ls experiments
[ "$(ls experiments | wc -l)" -eq 9 ] || fail "$(ls experiments | wc -l) files"
"$root/analyzer/compare" --tidy=tidy.tsv | tee summary.txt
python3 "$root/analyzer/testing/reference_analysis.py" experiments report tidy.tsv
row() { sed -n '/^----/,/^$/p' summary.txt | grep "^$1 "; }
row quantization | grep -q "Strong" || fail "quantisation is not far above everything"
for name in batch_size compile attention concurrent_streams cuda_version tensor_parallel expert_parallel; do
  row "$name" | grep -qE "Strong|Moderate|Weak|Not Detectable" || fail "$name has no verdict"
done
row concurrent_streams | grep -q "Not Detectable" || fail "concurrent work changed bits"
