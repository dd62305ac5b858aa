// Products on the tensor cores themselves: one instruction after another along k.
//
// A is (m, k) and B (n, k), elements as the instruction takes them, in rows of `bytes` bytes; C and
// D are (m, n). m is a multiple of 64, n of 8, and a row is as long as whole instructions need.
// Every tile of D starts from its C and takes the instructions in the order of k; nothing else
// touches a sum.

#include <cstdint>
#include <cstring>
#include <cuda_runtime.h>

namespace {

using word = uint32_t;

// ------------------------------------------------------------------------------------------------
// mma.sync: a warp multiplies 16 rows by 8 columns
// ------------------------------------------------------------------------------------------------

// Lane l has the rows g = l / 4 and g + 8 of D, and their columns 2 t and 2 t + 1, t = l % 4. Of A
// and B it has words: word t of the first and of the second 16 bytes of a row.

#define FOUR_WORDS(CONSTRAINT, D) CONSTRAINT(D[0]), CONSTRAINT(D[1]), CONSTRAINT(D[2]), CONSTRAINT(D[3])

#define MMA(NAME, ELEMENT, CONSTRAINT, TEXT)                                                       \
  struct NAME {                                                                                    \
    using element = ELEMENT;                                                                       \
    static constexpr int depth = 32;                                                               \
    __device__ static void step(element *d, const word *a, const word *b) {                        \
      asm volatile(TEXT " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"         \
                   : FOUR_WORDS(CONSTRAINT, d)                                                     \
                   : FOUR_WORDS("r", a), "r"(b[0]), "r"(b[1]));                                    \
    }                                                                                              \
  };

#define SHORT_MMA(NAME, ELEMENT, CONSTRAINT, TEXT)                                                 \
  struct NAME {                                                                                    \
    using element = ELEMENT;                                                                       \
    static constexpr int depth = 16;                                                               \
    __device__ static void step(element *d, const word *a, const word *b) {                        \
      asm volatile(TEXT " {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"                     \
                   : FOUR_WORDS(CONSTRAINT, d)                                                     \
                   : "r"(a[0]), "r"(a[1]), "r"(b[0]));                                             \
    }                                                                                              \
  };

// Two numbers of FP16 share a word.
__device__ word joined(uint16_t low, uint16_t high) { return low | static_cast<word>(high) << 16; }

__device__ void separate(uint16_t *d, word first, word second) {
  d[0] = first, d[1] = first >> 16, d[2] = second, d[3] = second >> 16;
}

#define HALF_MMA(NAME, TEXT)                                                                       \
  struct NAME {                                                                                    \
    using element = uint16_t;                                                                      \
    static constexpr int depth = 32;                                                               \
    __device__ static void step(element *d, const word *a, const word *b) {                        \
      word x = joined(d[0], d[1]), y = joined(d[2], d[3]);                                         \
      asm volatile(TEXT " {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, {%0, %1};"                         \
                   : "+r"(x), "+r"(y)                                                              \
                   : FOUR_WORDS("r", a), "r"(b[0]), "r"(b[1]));                                    \
      separate(d, x, y);                                                                           \
    }                                                                                              \
  };

#define SHORT_HALF_MMA(NAME, TEXT)                                                                 \
  struct NAME {                                                                                    \
    using element = uint16_t;                                                                      \
    static constexpr int depth = 16;                                                               \
    __device__ static void step(element *d, const word *a, const word *b) {                        \
      word x = joined(d[0], d[1]), y = joined(d[2], d[3]);                                         \
      asm volatile(TEXT " {%0, %1}, {%2, %3}, {%4}, {%0, %1};"                                     \
                   : "+r"(x), "+r"(y)                                                              \
                   : "r"(a[0]), "r"(a[1]), "r"(b[0]));                                             \
      separate(d, x, y);                                                                           \
    }                                                                                              \
  };

#define SYNC "mma.sync.aligned."
MMA(F32_F16, float, "+f", SYNC "m16n8k16.row.col.f32.f16.f16.f32")
MMA(F32_BF16, float, "+f", SYNC "m16n8k16.row.col.f32.bf16.bf16.f32")
MMA(F32_TF32, float, "+f", SYNC "m16n8k8.row.col.f32.tf32.tf32.f32")
MMA(F32_E4M3, float, "+f", SYNC "m16n8k32.row.col.f32.e4m3.e4m3.f32")
MMA(F32_E5M2, float, "+f", SYNC "m16n8k32.row.col.f32.e5m2.e5m2.f32")
MMA(F32_E4M3_E5M2, float, "+f", SYNC "m16n8k32.row.col.f32.e4m3.e5m2.f32")
MMA(S32_S8, int32_t, "+r", SYNC "m16n8k32.row.col.s32.s8.s8.s32")
MMA(S32_S8_SATFINITE, int32_t, "+r", SYNC "m16n8k32.row.col.satfinite.s32.s8.s8.s32")
SHORT_MMA(F32_F16_SHORT, float, "+f", SYNC "m16n8k8.row.col.f32.f16.f16.f32")
SHORT_MMA(F32_BF16_SHORT, float, "+f", SYNC "m16n8k8.row.col.f32.bf16.bf16.f32")
SHORT_MMA(F32_TF32_SHORT, float, "+f", SYNC "m16n8k4.row.col.f32.tf32.tf32.f32")
SHORT_MMA(F32_E4M3_SHORT, float, "+f", SYNC "m16n8k16.row.col.f32.e4m3.e4m3.f32")
SHORT_MMA(F32_E5M2_SHORT, float, "+f", SYNC "m16n8k16.row.col.f32.e5m2.e5m2.f32")
HALF_MMA(F16_F16, SYNC "m16n8k16.row.col.f16.f16.f16.f16")
HALF_MMA(F16_E4M3, SYNC "m16n8k32.row.col.f16.e4m3.e4m3.f16")
HALF_MMA(F16_E5M2, SYNC "m16n8k32.row.col.f16.e5m2.e5m2.f16")
SHORT_HALF_MMA(F16_F16_SHORT, SYNC "m16n8k8.row.col.f16.f16.f16.f16")
SHORT_HALF_MMA(F16_E4M3_SHORT, SYNC "m16n8k16.row.col.f16.e4m3.e4m3.f16")
SHORT_HALF_MMA(F16_E5M2_SHORT, SYNC "m16n8k16.row.col.f16.e5m2.e5m2.f16")

template <class Instruction>
__global__ void by_warps(const uint8_t *a, const uint8_t *b, const void *c, void *d, int n,
                         int bytes, bool) {
  using element = typename Instruction::element;
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  const int row = blockIdx.y * 16 + g, column = blockIdx.x * 8;
  element sums[4];
  for (int i = 0; i < 4; ++i) {
    const size_t place = static_cast<size_t>(row + i / 2 * 8) * n + column + 2 * t + i % 2;
    sums[i] = static_cast<const element *>(c)[place];
  }
  const auto word_of = [bytes](const uint8_t *x, int line, int offset) {
    return *reinterpret_cast<const word *>(x + static_cast<size_t>(line) * bytes + offset);
  };
  for (int k = 0; k < bytes; k += Instruction::depth) {
    word left[4], right[2];
    for (int half = 0; half < Instruction::depth / 16; ++half) {
      const int offset = k + 16 * half + 4 * t;
      left[2 * half] = word_of(a, row, offset);
      left[2 * half + 1] = word_of(a, row + 8, offset);
      right[half] = word_of(b, column + g, offset);
    }
    Instruction::step(sums, left, right);
  }
  for (int i = 0; i < 4; ++i) {
    const size_t place = static_cast<size_t>(row + i / 2 * 8) * n + column + 2 * t + i % 2;
    static_cast<element *>(d)[place] = sums[i];
  }
}

// ------------------------------------------------------------------------------------------------
// mma.sync of binary64: 8 or 16 rows, 4 to 16 of k
// ------------------------------------------------------------------------------------------------

// Lane l has of A the rows g (and g + 8) and columns t, t + 4, ...; of B the same of its column g.

struct F64_K4_M8 {
  static constexpr int rows = 8, k = 4;
  __device__ static void step(double *d, const double *a, const double *b) {
    asm volatile(SYNC "m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};"
                 : "+d"(d[0]), "+d"(d[1])
                 : "d"(a[0]), "d"(b[0]));
  }
};

struct F64_K4 {
  static constexpr int rows = 16, k = 4;
  __device__ static void step(double *d, const double *a, const double *b) {
    asm volatile(SYNC "m16n8k4.row.col.f64.f64.f64.f64 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
                      "{%0, %1, %2, %3};"
                 : FOUR_WORDS("+d", d)
                 : "d"(a[0]), "d"(a[1]), "d"(b[0]));
  }
};

struct F64_K8 {
  static constexpr int rows = 16, k = 8;
  __device__ static void step(double *d, const double *a, const double *b) {
    asm volatile(SYNC "m16n8k8.row.col.f64.f64.f64.f64 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
                      "{%8, %9}, {%0, %1, %2, %3};"
                 : FOUR_WORDS("+d", d)
                 : FOUR_WORDS("d", a), "d"(b[0]), "d"(b[1]));
  }
};

struct F64_K16 {
  static constexpr int rows = 16, k = 16;
  __device__ static void step(double *d, const double *a, const double *b) {
    asm volatile(SYNC "m16n8k16.row.col.f64.f64.f64.f64 {%0, %1, %2, %3}, "
                      "{%4, %5, %6, %7, %8, %9, %10, %11}, {%12, %13, %14, %15}, {%0, %1, %2, %3};"
                 : FOUR_WORDS("+d", d)
                 : FOUR_WORDS("d", a), "d"(a[4]), "d"(a[5]), "d"(a[6]), "d"(a[7]),
                   FOUR_WORDS("d", b));
  }
};

template <class Instruction>
__global__ void by_warps_in_binary64(const uint8_t *a, const uint8_t *b, const void *c, void *d,
                                     int n, int bytes, bool) {
  constexpr int halves = Instruction::rows / 8;
  const int g = threadIdx.x / 4, t = threadIdx.x % 4, length = bytes / 8;
  const int row = blockIdx.y * Instruction::rows + g, column = blockIdx.x * 8;
  const auto *x = reinterpret_cast<const double *>(a), *y = reinterpret_cast<const double *>(b);
  const auto place = [=](int i) {
    return static_cast<size_t>(row + i / 2 * 8) * n + column + 2 * t + i % 2;
  };
  double sums[4];
  for (int i = 0; i < 2 * halves; ++i) sums[i] = static_cast<const double *>(c)[place(i)];
  for (int k = 0; k < length; k += Instruction::k) {
    double left[8], right[4];
    for (int j = 0; j < Instruction::k / 4; ++j) {
      for (int half = 0; half < halves; ++half)
        left[halves * j + half] = x[static_cast<size_t>(row + 8 * half) * length + k + 4 * j + t];
      right[j] = y[static_cast<size_t>(column + g) * length + k + 4 * j + t];
    }
    Instruction::step(sums, left, right);
  }
  for (int i = 0; i < 2 * halves; ++i) static_cast<double *>(d)[place(i)] = sums[i];
}

// The chain of fused multiply-adds that the same products are on the ordinary units.
__global__ void by_fused_multiply_adds(const uint8_t *a, const uint8_t *b, const void *c, void *d,
                                       int n, int bytes, bool) {
  const int row = blockIdx.y * 16 + threadIdx.x / 8, column = blockIdx.x * 8 + threadIdx.x % 8;
  const int length = bytes / 8;
  const auto *x = reinterpret_cast<const double *>(a), *y = reinterpret_cast<const double *>(b);
  double sum = static_cast<const double *>(c)[static_cast<size_t>(row) * n + column];
  for (int k = 0; k < length; ++k)
    sum = fma(x[static_cast<size_t>(row) * length + k], y[static_cast<size_t>(column) * length + k],
              sum);
  static_cast<double *>(d)[static_cast<size_t>(row) * n + column] = sum;
}

// ------------------------------------------------------------------------------------------------
// wgmma: four warps multiply 64 rows by 8 columns, both in shared memory
// ------------------------------------------------------------------------------------------------

// Without a swizzle, shared memory holds core matrices of 8 rows of 16 bytes, one after another:
// those beside each other along k are 128 bytes apart, those below each other 256.

__device__ uint64_t described(const void *shared) {
  const uint64_t place = __cvta_generic_to_shared(shared);
  return (place & 0x3FFFF) >> 4 | static_cast<uint64_t>(128 >> 4) << 16 |
         static_cast<uint64_t>(256 >> 4) << 32;
}

#define COMPLETE "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; }"

#define WGMMA(NAME, ELEMENT, CONSTRAINT, TEXT, MODES)                                              \
  struct NAME {                                                                                    \
    using element = ELEMENT;                                                                       \
    __device__ static void step(element *d, uint64_t a, uint64_t b, int add) {                     \
      asm volatile("{ .reg .pred p; setp.ne.b32 p, %6, 0; wgmma.fence.sync.aligned; "              \
                   "wgmma.mma_async.sync.aligned." TEXT " {%0, %1, %2, %3}, %4, %5, p" MODES "; "  \
                   COMPLETE                                                                        \
                   : FOUR_WORDS(CONSTRAINT, d)                                                     \
                   : "l"(a), "l"(b), "r"(add)                                                      \
                   : "memory");                                                                    \
    }                                                                                              \
  };

#define HALF_WGMMA(NAME, TEXT, MODES)                                                              \
  struct NAME {                                                                                    \
    using element = uint16_t;                                                                      \
    __device__ static void step(element *d, uint64_t a, uint64_t b, int add) {                     \
      word x = joined(d[0], d[1]), y = joined(d[2], d[3]);                                         \
      asm volatile("{ .reg .pred p; setp.ne.b32 p, %4, 0; wgmma.fence.sync.aligned; "              \
                   "wgmma.mma_async.sync.aligned." TEXT " {%0, %1}, %2, %3, p" MODES "; "          \
                   COMPLETE                                                                        \
                   : "+r"(x), "+r"(y)                                                              \
                   : "l"(a), "l"(b), "r"(add)                                                      \
                   : "memory");                                                                    \
      separate(d, x, y);                                                                           \
    }                                                                                              \
  };

#define TRANSPOSABLE ", 1, 1, 0, 0"
#define SIGNED ", 1, 1"
WGMMA(W_F32_F16, float, "+f", "m64n8k16.f32.f16.f16", TRANSPOSABLE)
WGMMA(W_F32_BF16, float, "+f", "m64n8k16.f32.bf16.bf16", TRANSPOSABLE)
WGMMA(W_F32_TF32, float, "+f", "m64n8k8.f32.tf32.tf32", SIGNED)
WGMMA(W_F32_E4M3, float, "+f", "m64n8k32.f32.e4m3.e4m3", SIGNED)
WGMMA(W_F32_E5M2, float, "+f", "m64n8k32.f32.e5m2.e5m2", SIGNED)
WGMMA(W_F32_E4M3_E5M2, float, "+f", "m64n8k32.f32.e4m3.e5m2", SIGNED)
WGMMA(W_S32_S8, int32_t, "+r", "m64n8k32.s32.s8.s8", "")
WGMMA(W_S32_S8_SATFINITE, int32_t, "+r", "m64n8k32.satfinite.s32.s8.s8", "")
HALF_WGMMA(W_F16_F16, "m64n8k16.f16.f16.f16", TRANSPOSABLE)
HALF_WGMMA(W_F16_E4M3, "m64n8k32.f16.e4m3.e4m3", SIGNED)
HALF_WGMMA(W_F16_E5M2, "m64n8k32.f16.e5m2.e5m2", SIGNED)
HALF_WGMMA(W_F16_E4M3_E5M2, "m64n8k32.f16.e4m3.e5m2", SIGNED)

template <class Instruction>
__global__ void by_warpgroups(const uint8_t *a, const uint8_t *b, const void *c, void *d, int n,
                              int bytes, bool from_nothing) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  using element = typename Instruction::element;
  __shared__ alignas(128) uint8_t left[64 * 32], right[8 * 32];
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int first = blockIdx.y * 64, column = blockIdx.x * 8;
  const int row = first + threadIdx.x / 32 * 16 + g;
  const auto place = [=](int i) {
    return static_cast<size_t>(row + i / 2 * 8) * n + column + 2 * t + i % 2;
  };
  element sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = static_cast<const element *>(c)[place(i)];
  for (int k = 0; k < bytes; k += 32) {
    __syncthreads();
    for (int i = threadIdx.x; i < 64 * 32; i += 128) {
      const int line = i / 32, byte = i % 32;
      const int spot = line / 8 * 256 + byte / 16 * 128 + line % 8 * 16 + byte % 16;
      left[spot] = a[static_cast<size_t>(first + line) * bytes + k + byte];
      if (line < 8) right[spot] = b[static_cast<size_t>(column + line) * bytes + k + byte];
    }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    Instruction::step(sums, described(left), described(right), k > 0 || !from_nothing);
  }
  for (int i = 0; i < 4; ++i) static_cast<element *>(d)[place(i)] = sums[i];
#endif
}

// ------------------------------------------------------------------------------------------------
// What is called from outside
// ------------------------------------------------------------------------------------------------

using Kernel = void (*)(const uint8_t *, const uint8_t *, const void *, void *, int, int, bool);

struct Entry {
  const char *name;
  Kernel kernel;
  int rows, threads, width;  // of a tile; of a block; bytes of an element of D
};

template <class I> Entry warps(const char *name) {
  return {name, by_warps<I>, 16, 32, sizeof(typename I::element)};
}
template <class I> Entry binary64(const char *name) {
  return {name, by_warps_in_binary64<I>, I::rows, 32, 8};
}
template <class I> Entry warpgroups(const char *name) {
  return {name, by_warpgroups<I>, 64, 128, sizeof(typename I::element)};
}

const Entry ENTRIES[] = {
    warps<F32_F16>("mma.m16n8k16.f32.f16.f16"),
    warps<F32_BF16>("mma.m16n8k16.f32.bf16.bf16"),
    warps<F32_TF32>("mma.m16n8k8.f32.tf32.tf32"),
    warps<F32_E4M3>("mma.m16n8k32.f32.e4m3.e4m3"),
    warps<F32_E5M2>("mma.m16n8k32.f32.e5m2.e5m2"),
    warps<F32_E4M3_E5M2>("mma.m16n8k32.f32.e4m3.e5m2"),
    warps<S32_S8>("mma.m16n8k32.s32.s8.s8"),
    warps<S32_S8_SATFINITE>("mma.m16n8k32.satfinite.s32.s8.s8"),
    warps<F32_F16_SHORT>("mma.m16n8k8.f32.f16.f16"),
    warps<F32_BF16_SHORT>("mma.m16n8k8.f32.bf16.bf16"),
    warps<F32_TF32_SHORT>("mma.m16n8k4.f32.tf32.tf32"),
    warps<F32_E4M3_SHORT>("mma.m16n8k16.f32.e4m3.e4m3"),
    warps<F32_E5M2_SHORT>("mma.m16n8k16.f32.e5m2.e5m2"),
    warps<F16_F16>("mma.m16n8k16.f16.f16.f16"),
    warps<F16_E4M3>("mma.m16n8k32.f16.e4m3.e4m3"),
    warps<F16_E5M2>("mma.m16n8k32.f16.e5m2.e5m2"),
    warps<F16_F16_SHORT>("mma.m16n8k8.f16.f16.f16"),
    warps<F16_E4M3_SHORT>("mma.m16n8k16.f16.e4m3.e4m3"),
    warps<F16_E5M2_SHORT>("mma.m16n8k16.f16.e5m2.e5m2"),
    binary64<F64_K4_M8>("mma.m8n8k4.f64.f64.f64"),
    binary64<F64_K4>("mma.m16n8k4.f64.f64.f64"),
    binary64<F64_K8>("mma.m16n8k8.f64.f64.f64"),
    binary64<F64_K16>("mma.m16n8k16.f64.f64.f64"),
    {"fma.rn.f64", by_fused_multiply_adds, 16, 128, 8},
    warpgroups<W_F32_F16>("wgmma.m64n8k16.f32.f16.f16"),
    warpgroups<W_F32_BF16>("wgmma.m64n8k16.f32.bf16.bf16"),
    warpgroups<W_F32_TF32>("wgmma.m64n8k8.f32.tf32.tf32"),
    warpgroups<W_F32_E4M3>("wgmma.m64n8k32.f32.e4m3.e4m3"),
    warpgroups<W_F32_E5M2>("wgmma.m64n8k32.f32.e5m2.e5m2"),
    warpgroups<W_F32_E4M3_E5M2>("wgmma.m64n8k32.f32.e4m3.e5m2"),
    warpgroups<W_S32_S8>("wgmma.m64n8k32.s32.s8.s8"),
    warpgroups<W_S32_S8_SATFINITE>("wgmma.m64n8k32.satfinite.s32.s8.s8"),
    warpgroups<W_F16_F16>("wgmma.m64n8k16.f16.f16.f16"),
    warpgroups<W_F16_E4M3>("wgmma.m64n8k32.f16.e4m3.e4m3"),
    warpgroups<W_F16_E5M2>("wgmma.m64n8k32.f16.e5m2.e5m2"),
    warpgroups<W_F16_E4M3_E5M2>("wgmma.m64n8k32.f16.e4m3.e5m2"),
};

// Device memory that is freed whatever happens.
struct Buffer {
  void *data = nullptr;
  cudaError_t error;
  explicit Buffer(size_t size) : error(cudaMalloc(&data, size)) {}
  ~Buffer() { cudaFree(data); }
};

cudaError_t multiply(const Entry &entry, const void *a, const void *b, const void *c, void *d,
                     int m, int n, int bytes, bool from_nothing) {
  const size_t left = static_cast<size_t>(m) * bytes, right = static_cast<size_t>(n) * bytes;
  const size_t sums = static_cast<size_t>(m) * n * entry.width;
  Buffer x(left), y(right), z(sums), out(sums);
  for (const Buffer *buffer : {&x, &y, &z, &out})
    if (buffer->error) return buffer->error;
  const auto in = cudaMemcpyHostToDevice;
  cudaError_t error = cudaMemcpy(x.data, a, left, in);
  if (!error) error = cudaMemcpy(y.data, b, right, in);
  if (!error) error = cudaMemcpy(z.data, c, sums, in);
  if (!error) error = cudaMemset(out.data, 0xA5, sums);  // what is not written is seen
  if (error) return error;
  const dim3 grid(n / 8, m / entry.rows);
  entry.kernel<<<grid, entry.threads>>>(static_cast<uint8_t *>(x.data),
                                        static_cast<uint8_t *>(y.data), z.data, out.data, n, bytes,
                                        from_nothing);
  error = cudaGetLastError();
  if (!error) error = cudaDeviceSynchronize();
  return error ? error : cudaMemcpy(d, out.data, sums, cudaMemcpyDeviceToHost);
}

}  // namespace

// Returns null, or what went wrong.
extern "C" const char *msdnum_multiply(const char *name, const void *a, const void *b,
                                       const void *c, void *d, int m, int n, int bytes,
                                       int from_nothing) {
  for (const Entry &entry : ENTRIES)
    if (!std::strcmp(entry.name, name)) {
      const cudaError_t error = multiply(entry, a, b, c, d, m, n, bytes, from_nothing);
      return error ? cudaGetErrorString(error) : nullptr;
    }
  return "there is no such instruction here";
}

// Writes the name of the device; driver and compute capability, as 10 times major plus minor.
extern "C" const char *msdnum_device(char *name, int size, int *driver, int *capability) {
  cudaDeviceProp properties;
  cudaError_t error = cudaGetDeviceProperties(&properties, 0);
  if (!error) error = cudaDriverGetVersion(driver);
  if (error) return cudaGetErrorString(error);
  std::strncpy(name, properties.name, size);
  *capability = 10 * properties.major + properties.minor;
  return nullptr;
}
