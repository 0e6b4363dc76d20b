// Linear layers with int8 weights, the arithmetic: compiled once per instruction set by linear_int8_<isa>.cpp.
//
// Lanes are outputs: a vector of weights holds 4 inputs of 16 (8, 4) outputs, and meets the same 4 states in each lane,
// so that sums never cross lanes. Sums are exact in int32 within a block of inputs; blocks are added in float, in order.
// A row's result therefore depends neither on the other rows nor on the number of threads.
#pragma once
#include "exponential.h"
#include "linear_int8.h"
#include "simd.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace scene3d {
namespace {

typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));

constexpr int kParts = kPanel / kLanes;  // vectors per panel

// sum + weights · states, 4 products to a lane; `weight` has 128 added. What the 128 contribute, 128 · sum of the
// states, is taken off by kOffset: once per block where the instruction wants an unsigned side, else not at all.
#if defined(__AVX512VNNI__)
constexpr bool kOffset = true;
SCENE3D_INLINE Ints load_weights(const uint8_t* from) {
    Ints v;
    memcpy(&v, from, sizeof v);
    return v;
}
SCENE3D_INLINE Ints multiply_add(Ints sum, Ints weight, int32_t states) {
    return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)weight, _mm512_set1_epi32(states));
}
#elif defined(__AVX2__)
constexpr bool kOffset = false;
SCENE3D_INLINE Ints load_weights(const uint8_t* from) {
    Ints v;
    memcpy(&v, from, sizeof v);
    return v ^ static_cast<int32_t>(0x80808080u);
}
SCENE3D_INLINE Ints multiply_add(Ints sum, Ints weight, int32_t states) {
    // The sign goes over to the weight; both are at most 127, so that a sum of two products fits 16 bits.
    const __m256i x = _mm256_set1_epi32(states);
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8((__m256i)weight, x));
    return sum + (Ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#else
constexpr bool kOffset = false;
SCENE3D_INLINE Ints load_weights(const uint8_t* from) {
    Ints v;
    memcpy(&v, from, sizeof v);
    return v ^ static_cast<int32_t>(0x80808080u);
}
SCENE3D_INLINE Ints multiply_add(Ints sum, Ints weight, int32_t states) {
    // Each byte of a lane, moved to the top and shifted back, is widened with its sign.
    const Ints x = Ints{} + states;
    sum += (weight >> 24) * (x >> 24);
    sum += ((weight << 8) >> 24) * ((x << 8) >> 24);
    sum += ((weight << 16) >> 24) * ((x << 16) >> 24);
    return sum + ((weight << 24) >> 24) * ((x << 24) >> 24);
}
#endif

SCENE3D_INLINE int32_t quad_of(const int8_t* from) {
    int32_t four;
    memcpy(&four, from, sizeof four);
    return four;
}

template <int Rows, int Panels>
SCENE3D_INLINE void finish(const LinearInt8& p, int64_t row, int64_t panel, Floats (&sum)[Rows][Panels * kParts]) {
    for (int r = 0; r < Rows; ++r)
        for (int v = 0; v < Panels * kParts; ++v) {
            const int64_t column = panel * kPanel + v * kLanes, at = (row + r) * p.co + column;
            if (column + kLanes <= p.co) {
                Floats y = sum[r][v] * load(p.scale + column);
                if (p.bias) y += load(p.bias + column);
                if (p.residual) y += load(p.residual + at);
                store(p.out + at, y);
                continue;
            }
            for (int64_t lane = 0; column + lane < p.co; ++lane) {
                float y = sum[r][v][lane] * p.scale[column + lane];
                if (p.bias) y += p.bias[column + lane];
                if (p.residual) y += p.residual[at + lane];
                p.out[at + lane] = y;
            }
        }
}

template <int Rows, int Panels>
static void tile(const LinearInt8& p, int64_t row, int64_t panel) {
    constexpr int kVectors = Panels * kParts;
    const int64_t blocks = p.blocks(), width = blocks * kBlock;
    const uint8_t* weight = p.weight + panel * kPanel * width;
    const int8_t* x = p.rounded + row * width;
    Floats sum[Rows][kVectors] = {};
    for (int64_t block = 0; block < blocks; ++block) {
        Ints part[Rows][kVectors];
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; ++v)
                part[r][v] = Ints{} + (kOffset ? p.block_offset[(row + r) * blocks + block] : 0);
        for (int64_t c = block * kBlock; c < (block + 1) * kBlock; c += kQuad) {
            Ints w[kVectors];
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; ++v)
                w[v] = load_weights(weight + v / kParts * kPanel * width + c * kPanel + v % kParts * kLanes * kQuad);
#pragma GCC unroll 16
            for (int r = 0; r < Rows; ++r) {
                const int32_t states = quad_of(x + r * width + c);
#pragma GCC unroll 16
                for (int v = 0; v < kVectors; ++v) part[r][v] = multiply_add(part[r][v], w[v], states);
            }
        }
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
            const float scale = p.block_scale[(row + r) * blocks + block];
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; ++v) sum[r][v] += scale * __builtin_convertvector(part[r][v], Floats);
        }
    }
    finish<Rows, Panels>(p, row, panel, sum);
}

template <int Panels>
static void all_rows(const LinearInt8& p, int64_t panel) {
    int64_t row = 0;
    for (; row + kMostRows <= p.n; row += kMostRows) tile<kMostRows, Panels>(p, row, panel);
    switch (p.n - row) {
        case 3: return tile<3, Panels>(p, row, panel);
        case 2: return tile<2, Panels>(p, row, panel);
        case 1: return tile<1, Panels>(p, row, panel);
        default: return;
    }
}

static void multiply(const LinearInt8& p, int64_t first, int64_t panels) {
    if constexpr (kLanes < 16) {  // sixteen registers hold the sums of one panel
        for (int64_t panel = first; panel < first + panels; ++panel) all_rows<1>(p, panel);
    } else {
        switch (panels) {
            case 3: return all_rows<3>(p, first);
            case 2: return all_rows<2>(p, first);
            default: return all_rows<1>(p, first);
        }
    }
}

// Sum over lanes in a fixed order.
SCENE3D_INLINE float sum_of(Floats v) {
    float total = 0;
    for (int lane = 0; lane < kLanes; ++lane) total += v[lane];
    return total;
}

SCENE3D_INLINE float scale_to_unit(const float* x, int64_t ci, float epsilon) {
    Floats squares = {};
    int64_t c = 0;
    for (; c + kLanes <= ci; c += kLanes) squares += load(x + c) * load(x + c);
    float total = sum_of(squares);
    for (; c < ci; ++c) total += x[c] * x[c];
    return 1.0f / __builtin_sqrtf(total / static_cast<float>(ci) + epsilon);
}

// A row as it goes into the product, in float, zero in the padding.
SCENE3D_INLINE void prepare(const LinearInt8& p, int64_t row, float* to) {
    const float* x = p.x + row * p.ci * (p.before == kGate ? 2 : 1);
    const float unit = p.before == kNorm ? scale_to_unit(x, p.ci, p.epsilon) : 1.0f;
    int64_t c = 0;
    for (; c + kLanes <= p.ci; c += kLanes) {
        Floats v = load(x + c);
        if (p.before == kNorm) v = v * unit * load(p.norm + c);
        if (p.before == kGate) v = v / (1.0f + exponential(-v)) * load(x + p.ci + c);
        store(to + c, v);
    }
    for (; c < p.ci; ++c) {
        float v = x[c];
        if (p.before == kNorm) v = v * unit * p.norm[c];
        if (p.before == kGate) v = v / (1.0f + exponential(Floats{} - v)[0]) * x[p.ci + c];
        to[c] = v;
    }
    for (; c < p.blocks() * kBlock; ++c) to[c] = 0;
}

static void round_row(const LinearInt8& p, int64_t row, float* scratch) {
    prepare(p, row, scratch);
    const int64_t blocks = p.blocks();
    int8_t* to = p.rounded + row * blocks * kBlock;
    for (int64_t block = 0; block < blocks; ++block, scratch += kBlock, to += kBlock) {
        float most = 0;
        for (int c = 0; c < kBlock; ++c) {
            const float size = __builtin_fabsf(scratch[c]);
            most = size > most ? size : most;
        }
        const float shrink = most > 0 ? 127.0f / most : 0.0f;
        int32_t total = 0;
        for (int c = 0; c < kBlock; ++c) {
            // Adding and taking 1.5 · 2^23 leaves the nearest integer, ties to even, as torch rounds.
            const float whole = (scratch[c] * shrink + 12582912.0f) - 12582912.0f;
            const auto value = static_cast<int32_t>(whole);
            to[c] = static_cast<int8_t>(value);
            total += value;
        }
        p.block_scale[row * blocks + block] = most / 127.0f;
        p.block_offset[row * blocks + block] = -128 * total;
    }
}

constexpr LinearInt8Bodies kLinearInt8Bodies{round_row, multiply};

}  // namespace
}  // namespace scene3d
