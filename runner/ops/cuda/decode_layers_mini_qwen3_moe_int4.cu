// The layers of a decode step (decode_layers.cuh) of models of this size, weights in this format.
#include "runner/ops/cuda/decode_layers.cuh"

FORENSICS_DECODE_LAYERS(decode_layers_1, MiniQwen3Moe, false, 1)
FORENSICS_DECODE_LAYERS(decode_layers_2, MiniQwen3Moe, false, 2)
FORENSICS_DECODE_LAYERS(decode_layers_4, MiniQwen3Moe, false, 4)
FORENSICS_DECODE_LAYERS(decode_layers_8, MiniQwen3Moe, false, 8)
