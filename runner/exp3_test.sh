#!/bin/bash
# Experiment 3: the same model in GPTQ and bitsandbytes NF4 format beside AWQ.
source runner/testing/experiments.sh
mini=$runfiles/testdata/mini_qwen3_moe
gptq=CPU-X/CPU-X_gptq
bnb=CPU-X/CPU-X_bnb

echo "--- the reference comes first"
expect 1 "bazel run //runner:exp0" "$exp3" $small --output=a

echo "--- each format leaves its own bits, each time the same"
expect 0 "mini_qwen3_moe/awq" "$exp0" $small --output=a
expect 0 "mini_qwen3_moe/gptq" "$exp3" $small --output=a
grep -q "mini_qwen3_moe/bnb_nf4" out || fail "no NF4 run: $(cat out)"
[ "$(grep -c "forced to the tokens of CPU-X_reference" out)" -eq 2 ] || fail "not forced: $(cat out)"
for run in gptq bnb; do
  expect_run a/CPU-X/CPU-X_$run
  expect_field a/CPU-X/CPU-X_$run "quant_method: \"$run\""
done
[ "$(for run in $reference $gptq $bnb; do digest a/$run; done | sort -u | wc -l)" -eq 3 ] ||
  fail "two formats, the same bits"
[ "$(sed -n '/^model {/,/^}/s/ digest: //p' a/CPU-X/*/manifest.textproto | sort -u | wc -l)" -eq 3 ] ||
  fail "three models have one digest"

echo "--- beside an own model, what is not named is missing, and the rest runs"
expect 0 "3, bit-identical" "$exp0" $small --output=b --model=$mini/awq
expect 4 "not run: bnb: no bnb checkpoint to go with .*awq; name one with --model_bnb=DIR" \
  "$exp3" $small --output=b --model=$mini/awq --model_gptq=$mini/gptq
expect_run b/$gptq
[ ! -e b/$bnb ] || fail "something of what could not be had"
[ "$(digest b/$gptq)" = "$(digest a/$gptq)" ] || fail "the same checkpoint, other bits"
expect 4 "not run: gptq: .*--model_gptq=DIR" "$exp3" $small --output=b --model=$mini/awq
grep -q "not run: bnb:" out || fail "not both are named: $(cat out)"
expect 0 "not run: gptq:" "$exp3" $small --output=b --model=$mini/awq --allow_missing

echo "--- a checkpoint of another format is refused"
expect 1 "mini_qwen3_moe/awq: expected a checkpoint in gptq format, found awq" \
  "$exp3" $small --output=c --reference=a/$reference --model_gptq=$mini/awq
expect 1 "mini_qwen3_moe/gptq: expected a checkpoint in awq format, found gptq" \
  "$exp3" $small --output=c --reference=a/$reference --model=$mini/gptq
expect 1 "nowhere/config.json" \
  "$exp3" $small --output=c --reference=a/$reference --model_gptq=nowhere
expect 0 "mini_qwen3_moe/gptq" "$exp0" $small --output=g --model=$mini/gptq
expect_field g/$reference 'quant_method: "gptq"'
expect 1 "reference CPU-X_reference ran .*gptq: expected a checkpoint in awq format, found gptq" \
  "$exp3" $small --output=g

echo "--- a tokenizer that reads the prompt differently is refused, with both names"
mkdir other && cp -L $mini/gptq/* other/ && chmod u+w other/*
sed -i 's/"content": "<|im_start|>"/"content": "<|in_start|>"/' other/tokenizer.json
expect 1 "other/tokenizer.json: gives other ids for the prompt than .*awq/tokenizer.json" \
  "$exp3" $small --output=c --reference=a/$reference --model_gptq=other

echo "--- a damaged checkpoint is named"
cp -L $mini/gptq/tokenizer.json other/
truncate -s -1000 other/model.safetensors
expect 1 "other/model.safetensors: .*truncated" \
  "$exp3" $small --output=c --reference=a/$reference --model_gptq=other
[ ! -e c ] || [ -z "$(find c -type f)" ] || fail "a failed start left files: $(find c -type f)"

finish
