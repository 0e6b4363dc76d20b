// Attention of one new token per sequence, the contract between the driver and its bodies. The driver (attend_step.cpp)
// owns memory, threads and the choice of body; a body (attend_step_<isa>.cpp) does one sequence and key head.
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

struct AttendStep {
    const float* states;   // (b, (queries + 2 · heads) · d): queries, keys and values of the new token
    const float* cosine;   // (b, d), with which queries and keys are turned
    const float* sine;     // (b, d), negative in its first half
    float* keys;           // (b, heads, capacity, d); the new ones are written at `place`
    float* values;         // the same
    const uint8_t* real;   // (b, capacity) or null
    float* out;            // (b, queries · d)
    Past prefix;           // shared by all sequences, before their own
    int64_t b, queries, heads, d, capacity, place;

    int64_t group() const { return queries / heads; }
    int64_t length() const { return prefix.length + place + 1; }
};

// Scratch holds group · (length + d + kMostLanes) floats.
constexpr int64_t kMostLanes = 16;
using AttendStepBody = void (*)(const AttendStep& problem, int64_t sequence, int64_t head, float* scratch);

extern const AttendStepBody attend_step_plain;
#if defined(__x86_64__)
extern const AttendStepBody attend_step_avx2;
extern const AttendStepBody attend_step_avx512;
#endif

}  // namespace scene3d
