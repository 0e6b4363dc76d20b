// Attention of new tokens to a cache, the arithmetic: compiled once per instruction set by attend_cached_<isa>.cpp. The
// queries that share a key head are answered together, so that each key and value is read once from afar. For a run of
// tokens the keys are laid out channel by channel first, so that a vector holds the scores of as many keys; for a
// single token that would cost more than it saves.
#pragma once
#include "attend_cached.h"
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

SCENE3D_INLINE float greatest_of(Floats v) {
    float most = v[0];
    for (int lane = 1; lane < kLanes; ++lane) most = v[lane] > most ? v[lane] : most;
    return most;
}

// Channel i pairs with channel i + d / 2; the sine is negative in its first half.
SCENE3D_INLINE void turn(const float* from, const float* cosine, const float* sine, int64_t d, float factor,
                         float* to) {
    for (int64_t c = 0; c < d; c += kLanes) {
        const int64_t other = c < d / 2 ? c + d / 2 : c - d / 2;
        store(to + c, (load(from + c) * load(cosine + c) + load(from + other) * load(sine + c)) * factor);
    }
}

// The query of one head of one new token, turned, and shrunk by the root of its width.
SCENE3D_INLINE void turn_query(const AttendCached& p, int64_t row, int64_t query, float* to) {
    const float shrink = 1.0f / __builtin_sqrtf(static_cast<float>(p.d));
    turn(p.states + row * p.width() + query * p.d, p.cosine + row * p.d, p.sine + row * p.d, p.d, shrink, to);
}

SCENE3D_INLINE float dot(const float* a, const float* b, int64_t d) {
    Floats sum = load(a) * load(b);
    for (int64_t c = kLanes; c < d; c += kLanes) sum += load(a + c) * load(b + c);
    return sum_of(sum);
}

// Scores of `length` keys for each query; a row of scores has `stride` places.
SCENE3D_INLINE void score(const float* keys, int64_t length, const float* query, int64_t group, int64_t d,
                          float* scores, int64_t stride) {
    for (int64_t s = 0; s < length; ++s)
        for (int64_t g = 0; g < group; ++g) scores[g * stride + s] = dot(query + g * d, keys + s * d, d);
}

// The same for kTile queries and keys that lie channel by channel, `stride` keys in all.
SCENE3D_INLINE void score_tile(const float* keys, const float* query, int64_t d, float* scores, int64_t stride) {
    for (int64_t s = 0; s < stride; s += 2 * kLanes) {
        Floats sum[kTile][2] = {};
        for (int64_t c = 0; c < d; ++c) {
            const float* key = keys + c * stride + s;
            const Floats low = load(key), high = load(key + kLanes);
#pragma GCC unroll 4
            for (int64_t q = 0; q < kTile; ++q) {
                sum[q][0] += query[q * d + c] * low;
                sum[q][1] += query[q * d + c] * high;
            }
        }
        for (int64_t q = 0; q < kTile; ++q) {
            store(scores + q * stride + s, sum[q][0]);
            store(scores + q * stride + s + kLanes, sum[q][1]);
        }
    }
}

SCENE3D_INLINE void forbid_padding(const uint8_t* real, int64_t length, float* scores) {
    if (!real) return;
    for (int64_t s = 0; s < length; ++s)
        if (!real[s]) scores[s] = kNever;
}

// The first `length` of `stride` scores to weights that sum to 1, the others to 0.
SCENE3D_INLINE void softmax(float* scores, int64_t length, int64_t stride) {
    for (int64_t s = length; s < stride; ++s) scores[s] = kNever;
    Floats peak = Floats{} + kNever, total = {};
    for (int64_t s = 0; s < stride; s += kLanes) {
        const Floats v = load(scores + s);
        peak = v > peak ? v : peak;
    }
    const float most = greatest_of(peak);
    for (int64_t s = 0; s < stride; s += kLanes) {
        const Floats v = load(scores + s), never = Floats{} + kNever;
        const Floats weight = v > never ? exponential(v - most) : Floats{};
        store(scores + s, weight);
        total += weight;
    }
    const float share = 1.0f / sum_of(total);
    for (int64_t s = 0; s < stride; s += kLanes) store(scores + s, load(scores + s) * share);
}

// Adds the weighted values to `out`, for Q queries whose weights lie `stride` apart.
template <int Q>
SCENE3D_INLINE void gather(const float* values, int64_t length, const float* weight, int64_t stride, int64_t d,
                           float* const* out) {
    for (int64_t c = 0; c < d; c += 2 * kLanes) {
        Floats sum[Q][2];
        for (int q = 0; q < Q; ++q) {
            sum[q][0] = load(out[q] + c);
            sum[q][1] = load(out[q] + c + kLanes);
        }
        for (int64_t s = 0; s < length; ++s) {
            const Floats low = load(values + s * d + c), high = load(values + s * d + c + kLanes);
#pragma GCC unroll 4
            for (int q = 0; q < Q; ++q) {
                sum[q][0] += weight[q * stride + s] * low;
                sum[q][1] += weight[q * stride + s] * high;
            }
        }
        for (int q = 0; q < Q; ++q) {
            store(out[q] + c, sum[q][0]);
            store(out[q] + c + kLanes, sum[q][1]);
        }
    }
}

// What one key head has of a sequence.
struct Head {
    const float *keys, *values, *first_keys, *first_values;
    const uint8_t* real;
};

SCENE3D_INLINE Head head_of(const AttendCached& p, int64_t sequence, int64_t head) {
    const int64_t own = (sequence * p.heads + head) * p.capacity * p.d, shared = head * p.prefix.capacity * p.d;
    return {p.keys + own, p.values + own, p.prefix.keys + shared, p.prefix.values + shared,
            p.real ? p.real + sequence * p.capacity : nullptr};
}

SCENE3D_INLINE void clear(float* to, int64_t d) { memset(to, 0, sizeof(float) * static_cast<size_t>(d)); }

static void keep(const AttendCached& p, const NewTokens& tokens) {
    for (int64_t t = 0; t < tokens.count; ++t) {
        const int64_t row = tokens.row + t;
        const float *cosine = p.cosine + row * p.d, *sine = p.sine + row * p.d;
        for (int64_t head = 0; head < p.heads; ++head) {
            const float* key = p.states + row * p.width() + (p.queries + head) * p.d;
            const int64_t to = ((tokens.sequence * p.heads + head) * p.capacity + tokens.place + t) * p.d;
            turn(key, cosine, sine, p.d, 1.0f, p.keys + to);
            memcpy(p.values + to, key + p.heads * p.d, sizeof(float) * static_cast<size_t>(p.d));
        }
    }
}

static void attend_one(const AttendCached& p, const NewTokens& token, int64_t head, float* scratch) {
    const int64_t d = p.d, group = p.group(), first = p.prefix.length, own = token.place + 1;
    const int64_t stride = attend_cached_stride(first + own);
    const Head at = head_of(p, token.sequence, head);
    float *query = scratch, *scores = scratch + group * d;
    for (int64_t g = 0; g < group; ++g) turn_query(p, token.row, head * group + g, query + g * d);
    score(at.first_keys, first, query, group, d, scores, stride);
    score(at.keys, own, query, group, d, scores + first, stride);
    for (int64_t g = 0; g < group; ++g) {
        float *weight = scores + g * stride, *out = p.out + (token.row * p.queries + head * group + g) * d;
        forbid_padding(p.prefix.real, first, weight);
        forbid_padding(at.real, own, weight + first);
        softmax(weight, first + own, stride);
        clear(out, d);
        gather<1>(at.first_values, first, weight, stride, d, &out);
        gather<1>(at.values, own, weight + first, stride, d, &out);
    }
}

SCENE3D_INLINE void channel_by_channel(const float* keys, int64_t length, int64_t d, float* to, int64_t stride) {
    for (int64_t s = 0; s < length; ++s)
        for (int64_t c = 0; c < d; ++c) to[c * stride + s] = keys[s * d + c];
}

static void attend_run(const AttendCached& p, const NewTokens& tokens, int64_t head, float* scratch) {
    const int64_t d = p.d, group = p.group(), first = p.prefix.length, own = tokens.place + tokens.count;
    const int64_t stride = attend_cached_stride(first + own), all = tokens.count * group;
    const Head at = head_of(p, tokens.sequence, head);
    float *query = scratch, *scores = query + kTile * d, *keys = scores + kTile * stride;
    for (int64_t c = 0; c < d; ++c)
        for (int64_t s = first + own; s < stride; ++s) keys[c * stride + s] = 0;
    channel_by_channel(at.first_keys, first, d, keys, stride);
    channel_by_channel(at.keys, own, d, keys + first, stride);
    for (int64_t begin = 0; begin < all; begin += kTile) {
        float* out[kTile];
        float nowhere[1024];
        for (int64_t q = 0; q < kTile; ++q) {
            const int64_t one = begin + q < all ? begin + q : all - 1, row = tokens.row + one / group;
            turn_query(p, row, head * group + one % group, query + q * d);
            out[q] = begin + q < all ? p.out + (row * p.queries + head * group + one % group) * d : nowhere;
            clear(out[q], d);
        }
        score_tile(keys, query, d, scores, stride);
        const int64_t last = begin + kTile < all ? begin + kTile - 1 : all - 1, seen = tokens.place + last / group + 1;
        for (int64_t q = 0; q < kTile; ++q) {
            const int64_t one = begin + q < all ? begin + q : all - 1;
            forbid_padding(p.prefix.real, first, scores + q * stride);
            forbid_padding(at.real, own, scores + q * stride + first);
            softmax(scores + q * stride, first + tokens.place + one / group + 1, stride);
        }
        gather<kTile>(at.first_values, first, scores, stride, d, out);
        gather<kTile>(at.values, seen, scores + first, stride, d, out);
    }
}

static void attend(const AttendCached& p, const NewTokens& tokens, int64_t head, float* scratch) {
    if (tokens.count == 1)
        attend_one(p, tokens, head, scratch);
    else
        attend_run(p, tokens, head, scratch);
}

}  // namespace
}  // namespace scene3d
