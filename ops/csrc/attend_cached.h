// Attention of new tokens to a cache, the contract between the driver and its bodies. The driver (attend_cached.cpp)
// owns memory, threads and the choice of body; a body (attend_cached_<isa>.cpp) does some tokens of one sequence and
// one key head.
#pragma once
#include <cstdint>

namespace scene3d {

// Keys and values that came before, of one sequence or of all.
struct Past {
    const float* keys;     // (heads, capacity, d)
    const float* values;   // the same
    const uint8_t* real;   // (length), 0 for padding; null where there is none
    int64_t capacity, length;
};

struct AttendCached {
    const float* states;   // (n, (queries + 2 · heads) · d): queries, keys and values of the new tokens
    const float* cosine;   // (n, d), with which queries and keys are turned
    const float* sine;     // (n, d), negative in its first half
    float* keys;           // (b, heads, capacity, d); the new ones are written from `place` on
    float* values;         // the same
    const uint8_t* real;   // (b, capacity) or null
    float* out;            // (n, queries · d)
    Past prefix;           // shared by all sequences, before their own
    int64_t queries, heads, d, capacity, place;

    int64_t group() const { return queries / heads; }
    int64_t width() const { return (queries + 2 * heads) * d; }
};

// Some new tokens of a sequence: they are rows `row` … of the states and stand from place `place` on.
struct NewTokens {
    int64_t sequence, row, count, place;
};

constexpr int64_t kMostLanes = 16, kTile = 4;

struct AttendCachedBody {
    // Turns and keeps the keys and values of the tokens.
    void (*keep)(const AttendCached& problem, const NewTokens& tokens);
    // Answers their queries, for one key head. Scratch holds `attend_cached_room` floats.
    void (*attend)(const AttendCached& problem, const NewTokens& tokens, int64_t head, float* scratch);
};

// Places of a row of scores: whole pairs of vectors.
constexpr int64_t attend_cached_stride(int64_t length) {
    return (length + 2 * kMostLanes - 1) / (2 * kMostLanes) * (2 * kMostLanes);
}

constexpr int64_t attend_cached_room(int64_t length, int64_t group, int64_t d) {
    const int64_t rows = group > kTile ? group : kTile;
    return (d + rows) * attend_cached_stride(length) + rows * d;
}

extern const AttendCachedBody attend_cached_plain;
#if defined(__x86_64__)
extern const AttendCachedBody attend_cached_avx2;
extern const AttendCachedBody attend_cached_avx512;
#endif

}  // namespace scene3d
