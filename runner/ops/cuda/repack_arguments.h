// What the kernels repack_*.cu are told: shared by them and their host functions.
#ifndef RUNNER_OPS_CUDA_REPACK_ARGUMENTS_H_
#define RUNNER_OPS_CUDA_REPACK_ARGUMENTS_H_

namespace forensics {

// Where the tiles of some rows of a weight go; the layout is quantized_weight.h's.
struct TilePlace {
  void* tiles;   // of the first row
  void* scales;  // likewise
  int row_tiles;
  int columns;  // of the weight
};

// A block makes the tiles of eight row tiles, one a warp, for one chunk of 64 columns.
constexpr int kRepackTiles = 8;

// AWQ and GPTQ, as published (runner/checkpoint/awq.h, gptq.h): each pointer at the first of the
// rows to repack, outputs innermost and consecutive.
struct GroupedSource {
  const unsigned* qweight;  // the first of the columns to repack, too
  const unsigned* qzeros;   // of group 0
  const unsigned short* scales;
  long long qweight_stride, qzeros_stride, scales_stride;
  int first_column;
  int group_columns;  // a multiple of 128
  int first_row;      // GPTQ: qzeros begins at row first_row - first_row % 8
  int zero_offset;
};

// NF4 (runner/checkpoint/nf4.h): pointers at the module's beginning.
struct Nf4Source {
  const unsigned char* weight;
  const void* absmax;       // float32, or bytes if nested_map is not null
  const float* nested_map;  // [256]
  const float* nested_absmax;
  float nested_offset;
  int nested_block;
  int block;  // weights, a multiple of 64
  int in_features;
  int first_row, first_column;
};

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_REPACK_ARGUMENTS_H_
