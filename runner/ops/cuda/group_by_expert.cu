// A stable counting sort of (token, slot) pairs by expert. One block an expert, 32 warps; each warp
// takes a 32nd of the pairs, in order. Integers only; the result does not depend on timing.
namespace forensics {

constexpr int kWarps = 32;
constexpr unsigned kWarp = 0xffffffffu;

__device__ __forceinline__ int SumOfWarp(int v) { return __reduce_add_sync(kWarp, v); }

// The pairs of a warp.
struct Part {
  int begin, end;
};

// How many pairs of a part are of `expert`, and how many of a held one below it.
struct Counts {
  int equal, below;
};

__device__ __forceinline__ Counts CountPart(const int* __restrict__ ids, const Part& part,
                                            int first, int expert) {
  Counts counts = {0, 0};
#pragma unroll 8
  for (int i = part.begin + threadIdx.x % 32; i < part.end; i += 32) {
    const int id = ids[i];
    counts.equal += id == expert;
    counts.below += first <= id && id < expert;
  }
  return {SumOfWarp(counts.equal), SumOfWarp(counts.below)};
}

// place_of[i] = place, place + 1, ... for the pairs of `expert` in order; -1 for those of experts
// outside [first, first + held) if `marks_others`.
__device__ __forceinline__ void PlacePart(const int* __restrict__ ids, const Part& part, int expert,
                                          int place, int first, int held, bool marks_others,
                                          int* __restrict__ place_of) {
  const int lane = threadIdx.x % 32;
#pragma unroll 8
  for (int begin = part.begin; begin < part.end; begin += 32) {
    const int i = begin + lane;
    const int id = i < part.end ? ids[i] : expert - 1;
    const unsigned equal = __ballot_sync(kWarp, id == expert);
    if (id == expert) place_of[i] = place + __popc(equal & ((1u << lane) - 1));
    if (marks_others && i < part.end && (id < first || id >= first + held)) place_of[i] = -1;
    place += __popc(equal);
  }
}

// ids [pairs]; experts first ... first + held - 1 have the blocks 0 ... held - 1. ends [held]:
// where each expert's pairs end in the sorted order. place_of [pairs]: a pair's place in it, -1
// where its expert is not held.
extern "C" __global__ void __launch_bounds__(32 * kWarps)
    group_by_expert(const int* ids, int pairs, int first, int held, int* ends, int* place_of) {
  __shared__ Counts of_warp[kWarps];
  const int warp = threadIdx.x / 32, expert = first + blockIdx.x;
  const int size = (pairs + 32 * kWarps - 1) / (32 * kWarps) * 32;  // whole rounds of 32
  const Part part = {min(warp * size, pairs), min((warp + 1) * size, pairs)};
  const Counts own = CountPart(ids, part, first, expert);
  if (threadIdx.x % 32 == 0) of_warp[warp] = own;
  __syncthreads();
  const Counts lane = of_warp[threadIdx.x % 32];
  const int begin = SumOfWarp(lane.below);
  const int before = SumOfWarp(threadIdx.x % 32 < warp ? lane.equal : 0);
  const int equal = SumOfWarp(lane.equal);
  if (threadIdx.x == 0) ends[blockIdx.x] = begin + equal;
  PlacePart(ids, part, expert, begin + before, first, held, blockIdx.x == 0, place_of);
}

}  // namespace forensics
