// The layers of a decode step (decode_layers.cuh) of models of this size, weights in this format.
#include "runner/ops/cuda/decode_layers.cuh"

FORENSICS_DECODE_LAYERS(decode_layers_1, Qwen3_30bA3b, false, 1)
FORENSICS_DECODE_LAYERS(decode_layers_2, Qwen3_30bA3b, false, 2)
FORENSICS_DECODE_LAYERS(decode_layers_4, Qwen3_30bA3b, false, 4)
FORENSICS_DECODE_LAYERS(decode_layers_8, Qwen3_30bA3b, false, 8)
