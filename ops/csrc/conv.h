// Sparse convolution, the contract between its driver and its bodies. The driver (conv.cpp) owns memory, threads and
// the choice of body; a body (conv_<isa>.cpp) owns the arithmetic of one stretch of rows and allocates nothing.
#pragma once
#include <cstdint>

namespace scene3d {

// Output columns are padded to whole vectors of the widest body, so that no body has a tail.
constexpr int64_t kColumns = 16;
// Rows a body takes at once in each direction. Forward: the sums of a block stay in the L2 cache while all offsets
// pass over them. Weight gradient: larger, since there the weights are what is read and written per block.
constexpr int64_t kForwardRows = 512;
constexpr int64_t kGradientRows = 1024;
constexpr int64_t kGradientByOffset = 8192;

// out[j] = sum over offsets k of x[table[k][j]] · weight[k], for elements that are float or bfloat16.
struct Forward {
    const void* x;         // (v, ci); bfloat16: ci is even
    const void* weight;    // float: (offsets, ci, columns); bfloat16: (offsets, ci / 2, columns, 2)
    const int32_t* table;  // (offsets, rows), -1 where a row has no neighbour
    void* out;             // (rows, co), same element as x; sums are kept in float until a row is done
    int64_t rows, offsets, ci, co;
    int64_t columns;  // co rounded up to a multiple of kColumns
};

// sum[k] += sum over rows j of x[table[k][j]]^T · gradient[j].
struct WeightGradient {
    const float* x;         // (v, ci)
    const float* gradient;  // (rows, columns), zero in the padding
    const int32_t* table;   // (offsets, rows)
    int64_t rows, offsets, ci, columns;
};

struct ConvBodies {
    // Rows first … first + count - 1, count <= kForwardRows; scratch holds (count + 1) * columns floats.
    void (*forward_f32)(const Forward& problem, int64_t first, int64_t count, float* scratch);
    void (*forward_bf16)(const Forward& problem, int64_t first, int64_t count, float* scratch);
    // Rows first … first + count - 1, count <= kGradientRows; sum is (offsets, ci, columns).
    void (*weight_gradient)(const WeightGradient& problem, int64_t first, int64_t count, float* sum);
};

extern const ConvBodies conv_plain;
#if defined(__x86_64__)
extern const ConvBodies conv_avx2;
extern const ConvBodies conv_avx512;
extern const ConvBodies conv_avx512bf16;
#endif

}  // namespace scene3d
