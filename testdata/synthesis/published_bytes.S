// The bytes that published_files.cc gives names to.
.section .rodata

.macro file symbol, path
  .global \symbol, \symbol\()_end
  \symbol: .incbin "\path"
  \symbol\()_end:
.endm

file published_config, "testdata/synthesis/published/qwen3_30b_a3b.json"
file published_generation_config, "testdata/synthesis/published/generation_config.json"
file published_tokenizer, "testdata/qwen3_tokenizer/tokenizer.json"
file published_tokenizer_config, "testdata/qwen3_tokenizer/tokenizer_config.json"
file published_awq, "testdata/synthesis/published/quantization_awq.json"
file published_gptq, "testdata/synthesis/published/quantization_gptq.json"
file published_bnb, "testdata/synthesis/published/quantization_bnb.json"

.section .note.GNU-stack, "", @progbits
