// Attention of one new token, the arithmetic: compiled once per instruction set by attend_step_<isa>.cpp. The queries
// that share a key head are answered together, so that each key and value is read once from afar.
#pragma once
#include "attend_step.h"
#include "exponential.h"
#include "simd.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace scene3d {
namespace {

constexpr float kNever = -3.0e38f;

SCENE3D_INLINE float sum_of(Floats v) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)v);
#else
    float total = 0;
    for (int lane = 0; lane < kLanes; ++lane) total += v[lane];
    return total;
#endif
}

// Channel i pairs with channel i + d / 2; the sine is negative in its first half.
SCENE3D_INLINE void turn(const float* from, const float* cosine, const float* sine, int64_t d, float factor,
                         float* to) {
    for (int64_t c = 0; c < d; c += kLanes) {
        const int64_t other = c < d / 2 ? c + d / 2 : c - d / 2;
        store(to + c, (load(from + c) * load(cosine + c) + load(from + other) * load(sine + c)) * factor);
    }
}

SCENE3D_INLINE float dot(const float* a, const float* b, int64_t d) {
    Floats sum = load(a) * load(b);
    for (int64_t c = kLanes; c < d; c += kLanes) sum += load(a + c) * load(b + c);
    return sum_of(sum);
}

// Scores of `length` keys for each query; a row of scores has `stride` places.
SCENE3D_INLINE void score(const float* keys, const uint8_t* real, int64_t length, const float* query, int64_t group,
                          int64_t d, float* scores, int64_t stride) {
    for (int64_t s = 0; s < length; ++s)
        for (int64_t g = 0; g < group; ++g)
            scores[g * stride + s] = real && !real[s] ? kNever : dot(query + g * d, keys + s * d, d);
}

// Scores to weights that sum to 1; places from `length` up to a whole vector are cleared.
SCENE3D_INLINE void softmax(float* scores, int64_t length) {
    float most = kNever, total = 0;
    for (int64_t s = 0; s < length; ++s) most = scores[s] > most ? scores[s] : most;
    for (int64_t s = length; s % kLanes != 0; ++s) scores[s] = kNever;
    for (int64_t s = 0; s < length; s += kLanes) {
        const Floats v = load(scores + s), never = Floats{} + kNever;
        const Floats weight = v > never ? exponential(v - most) : Floats{};
        store(scores + s, weight);
        total += sum_of(weight);
    }
    for (int64_t s = 0; s < length; ++s) scores[s] /= total;
}

SCENE3D_INLINE void gather(const float* values, int64_t length, const float* weight, int64_t d, float* out) {
    for (int64_t c = 0; c < d; c += 2 * kLanes) {
        Floats low = load(out + c), high = load(out + c + kLanes);
        for (int64_t s = 0; s < length; ++s) {
            low += weight[s] * load(values + s * d + c);
            high += weight[s] * load(values + s * d + c + kLanes);
        }
        store(out + c, low);
        store(out + c + kLanes, high);
    }
}

static void attend_step(const AttendStep& p, int64_t sequence, int64_t head, float* scratch) {
    const int64_t d = p.d, group = p.group(), stride = p.length() + kMostLanes, first = p.prefix.length;
    const float* states = p.states + sequence * (p.queries + 2 * p.heads) * d;
    const float *cosine = p.cosine + sequence * d, *sine = p.sine + sequence * d;
    const int64_t own = (sequence * p.heads + head) * p.capacity * d, shared = head * p.prefix.capacity * d;
    float *query = scratch, *scores = scratch + group * d;

    turn(states + (p.queries + head) * d, cosine, sine, d, 1.0f, p.keys + own + p.place * d);
    const float* value = states + (p.queries + p.heads + head) * d;
    memcpy(p.values + own + p.place * d, value, sizeof(float) * static_cast<size_t>(d));
    const float shrink = 1.0f / __builtin_sqrtf(static_cast<float>(d));
    for (int64_t g = 0; g < group; ++g)
        turn(states + (head * group + g) * d, cosine, sine, d, shrink, query + g * d);

    const uint8_t* real = p.real ? p.real + sequence * p.capacity : nullptr;
    score(p.prefix.keys + shared, p.prefix.real, first, query, group, d, scores, stride);
    score(p.keys + own, real, p.place + 1, query, group, d, scores + first, stride);
    for (int64_t g = 0; g < group; ++g) {
        float* out = p.out + (sequence * p.queries + head * group + g) * d;
        softmax(scores + g * stride, p.length());
        memset(out, 0, sizeof(float) * static_cast<size_t>(d));
        gather(p.prefix.values + shared, first, scores + g * stride, d, out);
        gather(p.values + own, p.place + 1, scores + g * stride + first, d, out);
    }
}

}  // namespace
}  // namespace scene3d
