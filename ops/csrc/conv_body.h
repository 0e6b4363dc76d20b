// Sparse convolution, the arithmetic: compiled once per instruction set by conv_<isa>.cpp.
//
// Output-stationary: a block of output rows is finished before the next begins. For each offset the rows that have a
// neighbour are listed, and the list is worked off in register tiles: a few rows by a few vectors of columns, whose
// sums stay in registers while the input channels pass. No features are gathered into or scattered from a buffer.
#pragma once
#include <type_traits>

#include "conv.h"
#include "simd.h"

namespace scene3d {
namespace {

// More rows than this, and their addresses no longer fit the registers.
constexpr int kMostTileRows = 10;

// The rows of a block that have a neighbour at one offset.
template <int64_t Capacity>
struct Pairs {
    int64_t count;
    int32_t in[Capacity + kLanes + kMostTileRows];   // row of x
    int32_t out[Capacity + kLanes + kMostTileRows];  // row within the block
};

template <int64_t Capacity>
SCENE3D_INLINE void list_pairs(const int32_t* neighbour, int64_t rows, Pairs<Capacity>& pairs) {
    int64_t n = 0, j = 0;
#if defined(__AVX512F__)
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (; j + 16 <= rows; j += 16) {
        const __m512i row = _mm512_loadu_si512(neighbour + j);
        const __m512i place = _mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(j)));
        const __mmask16 there = _mm512_cmpge_epi32_mask(row, _mm512_setzero_si512());
        _mm512_storeu_si512(pairs.in + n, _mm512_maskz_compress_epi32(there, row));
        _mm512_storeu_si512(pairs.out + n, _mm512_maskz_compress_epi32(there, place));
        n += __builtin_popcount(there);
    }
#endif
    for (; j < rows; ++j) {  // without branches: whether a neighbour is there cannot be foreseen
        pairs.in[n] = neighbour[j];
        pairs.out[n] = static_cast<int32_t>(j);
        n += neighbour[j] >= 0;
    }
    pairs.count = n;
}

// How one kind of element is read and multiplied; kPack input channels go into each step.
struct Float32 {
    using Element = float;
    using Weights = Floats;
    static constexpr int kPack = 1;
    SCENE3D_INLINE Weights weights(const float* from) { return load(from); }
    SCENE3D_INLINE float input(const float* from) { return *from; }
    SCENE3D_INLINE Floats multiply_add(Floats sum, float x, Weights w) { return sum + x * w; }
    SCENE3D_INLINE float element_of(float sum) { return sum; }
};

struct BFloat16 {
    using Element = uint16_t;
    using Weights = Bits;  // each lane: the even channel in the low half, the odd one in the high half
    static constexpr int kPack = 2;
    SCENE3D_INLINE Weights weights(const uint16_t* from) {
        Weights v;
        memcpy(&v, from, sizeof v);
        return v;
    }
    SCENE3D_INLINE uint32_t input(const uint16_t* from) {
        uint32_t two;
        memcpy(&two, from, sizeof two);
        return two;
    }
    SCENE3D_INLINE Floats multiply_add(Floats sum, uint32_t x, Weights w) {
#if defined(__AVX512BF16__)
        return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(x)), (__m512bh)w);
#else
        // A bfloat16 is the upper half of a float, so widening is a shift. Right everywhere, no faster than float.
        sum += float_of(x << 16) * (Floats)(w << 16);
        return sum + float_of(x & 0xffff0000u) * (Floats)(w & 0xffff0000u);
#endif
    }
    SCENE3D_INLINE uint16_t element_of(float sum) { return bfloat16_of(sum); }
};

// sum[r] += x[r] · w for Rows rows and Vectors vectors of columns.
template <class Number, int Rows, int Vectors>
SCENE3D_INLINE void forward_tile(const typename Number::Element* const* x, const typename Number::Element* w,
                                 int64_t ci, int64_t columns, float* const* sum) {
    Floats acc[Rows][Vectors];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) acc[r][v] = load(sum[r] + v * kLanes);
    int64_t c = 0;
    do {  // a loop that may run zero times makes GCC copy all sums through the stack at its end
        typename Number::Weights wv[Vectors];
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) wv[v] = Number::weights(w + v * kLanes * Number::kPack);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
            const auto input = Number::input(x[r] + c);
#pragma GCC unroll 16
            for (int v = 0; v < Vectors; ++v) acc[r][v] = Number::multiply_add(acc[r][v], input, wv[v]);
        }
        c += Number::kPack;
        w += columns * Number::kPack;
    } while (c < ci);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) store(sum[r] + v * kLanes, acc[r][v]);
}

// Where the rows of a block are summed up, and a row that nobody reads.
struct Sums {
    float* rows;
    float* unread;
};

// Vectors vectors of columns, for all pairs of one offset. The list may be read past its end by a tile less one row:
// the caller has filled those places with any row of x, and what it gives goes unread.
template <class Number, int Rows, int Vectors>
SCENE3D_ALONE void forward_panel(const Forward& p, const Pairs<kForwardRows>& pairs, const typename Number::Element* w,
                                 Sums sum) {
    const auto* x = static_cast<const typename Number::Element*>(p.x);
    for (int64_t i = 0; i < pairs.count; i += Rows) {
        const typename Number::Element* input[Rows];
        float* output[Rows];
        for (int r = 0; r < Rows; ++r) {
            input[r] = x + pairs.in[i + r] * p.ci;
            output[r] = i + r < pairs.count ? sum.rows + pairs.out[i + r] * p.columns : sum.unread;
        }
        forward_tile<Number, Rows, Vectors>(input, w, p.ci, p.columns, output);
    }
}

// All columns. Tiles fill the register file: 32 vectors with AVX-512, 16 below it.
template <class Number>
static void forward_offset(const Forward& p, const Pairs<kForwardRows>& pairs, const typename Number::Element* w,
                           Sums sum) {
    const auto panel = [&](auto tile, int64_t column) {
        tile(p, pairs, w + column * Number::kPack, Sums{sum.rows + column, sum.unread});
    };
    int64_t column = 0;
    if constexpr (kLanes == 16) {
        for (; column + 64 <= p.columns; column += 64) panel(forward_panel<Number, 6, 4>, column);
        for (; column + 32 <= p.columns; column += 32) panel(forward_panel<Number, kMostTileRows, 2>, column);
        for (; column < p.columns; column += 16) panel(forward_panel<Number, kMostTileRows, 1>, column);
    } else {
        for (; column < p.columns; column += 2 * kLanes) panel(forward_panel<Number, 6, 2>, column);
    }
}

template <class Number>
static void forward(const Forward& p, int64_t first, int64_t count, float* scratch) {
    using Element = typename Number::Element;
    const auto* weight = static_cast<const Element*>(p.weight);
    Element* out = static_cast<Element*>(p.out) + first * p.co;
    Sums sum{scratch, scratch + count * p.columns};
    bool in_place = false;  // floats without padding are summed where they go
    if constexpr (std::is_same_v<Element, float>) {
        in_place = p.columns == p.co;
        if (in_place) sum.rows = out;
    }
    Pairs<kForwardRows> pairs;
    memset(sum.rows, 0, sizeof(float) * static_cast<size_t>(count * p.columns));
    const int64_t offsets = p.ci > 0 ? p.offsets : 0;  // tiles take at least one channel
    for (int64_t k = 0; k < offsets; ++k) {
        list_pairs(p.table + k * p.rows + first, count, pairs);
        if (pairs.count == 0) continue;
        for (int64_t i = pairs.count; i < pairs.count + kMostTileRows; ++i) pairs.in[i] = pairs.in[0];
        forward_offset<Number>(p, pairs, weight + k * p.ci * p.columns, sum);
    }
    if (in_place) return;
    for (int64_t j = 0; j < count; ++j)
        for (int64_t c = 0; c < p.co; ++c) out[j * p.co + c] = Number::element_of(sum.rows[j * p.columns + c]);
}

// Pairs whose rows stay in the L1 cache while all tiles pass over them.
constexpr int64_t kStretch = 64;

// Where the rows of a stretch of pairs lie: looked up once, used by every tile.
struct Stretch {
    int64_t count;
    const float* x[kStretch];
    const float* gradient[kStretch];
};

// sum[r] += x[c + r] · gradient[column + …] over a stretch, for Rows input channels and Vectors vectors of columns.
template <int Rows, int Vectors>
SCENE3D_INLINE void gradient_tile(const Stretch& s, int64_t c, int64_t column, int64_t columns, float* sum) {
    Floats acc[Rows][Vectors];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) acc[r][v] = load(sum + r * columns + v * kLanes);
    int64_t i = 0;
    do {  // at least one pair; see forward_tile
        const float* input = whole_address(s.x[i] + c);
        const float* output = whole_address(s.gradient[i] + column);
        Floats g[Vectors];
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) g[v] = load(output + v * kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
            const float channel = input[r];
#pragma GCC unroll 16
            for (int v = 0; v < Vectors; ++v) acc[r][v] += channel * g[v];
        }
    } while (++i < s.count);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) store(sum + r * columns + v * kLanes, acc[r][v]);
}

// All input channels for Vectors vectors of columns; Tall and Low are the tiles' heights.
template <int Vectors, int Tall, int Low>
SCENE3D_ALONE void gradient_panel(const WeightGradient& p, const Stretch& s, int64_t column, float* sum) {
    int64_t c = 0;
    sum += column;
    for (; c + Tall <= p.ci; c += Tall) gradient_tile<Tall, Vectors>(s, c, column, p.columns, sum + c * p.columns);
    for (; c + Low <= p.ci; c += Low) gradient_tile<Low, Vectors>(s, c, column, p.columns, sum + c * p.columns);
    for (; c < p.ci; ++c) gradient_tile<1, Vectors>(s, c, column, p.columns, sum + c * p.columns);
}

static void weight_gradient(const WeightGradient& p, int64_t first, int64_t count, float* sum) {
    constexpr int kWide = kLanes == 16 ? 4 : 2;
    Pairs<kGradientRows> pairs;
    Stretch s;
    for (int64_t k = 0; k < p.offsets; ++k, sum += p.ci * p.columns) {
        list_pairs(p.table + k * p.rows + first, count, pairs);
        for (int64_t i = 0; i < pairs.count; i += kStretch) {
            s.count = pairs.count - i < kStretch ? pairs.count - i : kStretch;
            for (int64_t j = 0; j < s.count; ++j) {
                s.x[j] = p.x + pairs.in[i + j] * p.ci;
                s.gradient[j] = p.gradient + (first + pairs.out[i + j]) * p.columns;
            }
            int64_t column = 0;
            for (; column + kWide * kLanes <= p.columns; column += kWide * kLanes)
                gradient_panel<kWide, 6, 4>(p, s, column, sum);
            if constexpr (kWide > 2)  // one vector at a time would read more than it multiplies
                for (; column + 2 * kLanes <= p.columns; column += 2 * kLanes)
                    gradient_panel<2, 12, 4>(p, s, column, sum);
            for (; column < p.columns; column += kLanes) gradient_panel<1, 12, 4>(p, s, column, sum);
        }
    }
}

constexpr ConvBodies kBodies{forward<Float32>, forward<BFloat16>, weight_gradient};

}  // namespace
}  // namespace scene3d
