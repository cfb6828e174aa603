#!/bin/bash
# Experiment 1: other sequences beside the one that is captured.
source runner/testing/experiments.sh

echo "--- batches of two and four, forced to the reference's tokens"
run_references a
expect 0 "beside doc1.pdf, as long" "$exp1" $small --output=a
grep -q "beside doc1.pdf, doc2.pdf, doc3.pdf, as long" out || fail "no three neighbours"
[ "$(grep -c "forced to the tokens of CPU-X_reference" out)" -eq 2 ] || fail "not forced"
for batch in 2 4; do
  run=a/CPU-X/CPU-X_bs$batch
  expect_run $run
  expect_field $run "batch_size: $batch"
  [ "$(grep -c '^neighbours {' $run/manifest.textproto)" -eq $((batch - 1)) ] || fail "neighbours of $run"
  expect_field $run "^other_shapes: \"decode linear/own_16_lanes \(in=[0-9]+, out=[0-9]+\): 1 row, here none\""
  expect_field $run "^other_shapes: \"decode linear/libtorch \(in=[0-9]+, out=[0-9]+\): none, here $batch rows\""
  expect_field $run "^other_shapes: \"prefill rotary/own \(.*\): [0-9]+ rows, here [0-9]+ rows\""
done
! grep -q '^other_shapes\|^neighbours' a/$reference/manifest.textproto || fail "the reference has neighbours"
grep -q '^kernels {' a/$reference/manifest.textproto || fail "no kernels in the reference's manifest"
[ "$(digest a/CPU-X/CPU-X_bs2)" != "$(digest a.forced/$reference)" ] || fail "other kernels, the same bits"

echo "--- neighbours of one's own"
head -c 6000 </dev/zero | tr '\0' 'a' | fold -w 7 | tr '\n' ' ' >own.txt
documents=$runfiles/testdata/mini_qwen3_moe/documents
expect 0 "beside doc3.pdf, own.txt, doc1.pdf, as long" "$exp1" $small --output=b --reference=a/$reference \
  --neighbour=$documents/doc3.pdf,own.txt --neighbour=$documents/doc1.pdf
for document in doc3.pdf own.txt doc1.pdf; do
  expect_field b/CPU-X/CPU-X_bs4 "document: \"$document\""
done
# Whether a bit follows from who sits beside is a processor's matter; experts' rows always do.
shapes() { grep '^other_shapes' "$1/CPU-X/CPU-X_bs4/manifest.textproto"; }
[ "$(shapes a)" != "$(shapes b)" ] || fail "other neighbours, as many rows for each expert"
expect 2 "batch size 4 needs 3 neighbours, found 1" "$exp1" $small --output=c --reference=a/$reference --neighbour=own.txt
echo "too short" >short.txt
expect 1 "short.txt: the document is too short: it has [0-9]+ tokens, [0-9]+ are wanted" \
  "$exp1" $small --output=c --reference=a/$reference --neighbour=short.txt,own.txt,own.txt
expect 1 "own.txt: gives the same prompt as own.txt" \
  "$exp1" $small --output=c --reference=a/$reference --neighbour=own.txt,own.txt,own.txt
expect 1 "nowhere.pdf" "$exp1" $small --output=c --reference=a/$reference --neighbour=nowhere.pdf,own.txt,own.txt

echo "--- a prompt of token ids takes its neighbours from documents"
seq -s, 300 420 | sed 's/.*/[&]/' >ids.json
ids="--prompt_tokens=ids.json --decode_steps=3 --threads=2 --hardware=CPU-X --output=ids"
expect 0 "prompt +121 tokens" "$exp0" $ids
expect 0 "prompt +121 tokens.*beside doc1.pdf, as long" "$exp1" $ids
echo '[300, 301, 302]' >ids.json
expect 0 "prompt +3 tokens" "$exp0" ${ids/output=ids/output=few}
expect 1 "a prompt of 3 tokens has no room for a document" "$exp1" ${ids/output=ids/output=few}

finish
