// Attention of one new token per sequence, the driver: shares sequences and key heads out to threads.
#include "attend_step.h"

#include <cstddef>
#include <vector>

#include "runtime.h"

namespace scene3d {
namespace {

// Below this many multiplications one thread is done before a second has started.
constexpr int64_t kWorthThreads = 1 << 16;

AttendStepBody body() {
#if defined(__x86_64__)
    if (isa() >= Isa::avx512) return attend_step_avx512;
    if (isa() >= Isa::avx2) return attend_step_avx2;
#endif
    return attend_step_plain;
}

}  // namespace
}  // namespace scene3d

using namespace scene3d;

// Turns the new queries and keys, keeps keys and values at `place`, and attends to the prefix and to places 0 … place.
SCENE3D_API int64_t scene3d_attend_step(const float* states, const float* cosine, const float* sine, float* keys,
                                        float* values, const uint8_t* real, float* out, const float* prefix_keys,
                                        const float* prefix_values, const uint8_t* prefix_real, int64_t prefix_capacity,
                                        int64_t prefix_length, int64_t b, int64_t queries, int64_t heads, int64_t d,
                                        int64_t capacity, int64_t place) {
    const Past prefix{prefix_keys, prefix_values, prefix_real, prefix_capacity, prefix_length};
    const AttendStep problem{states, cosine, sine,    keys,  values, real,     out,  prefix,
                             b,      queries, heads, d,     capacity, place};
    const AttendStepBody attend = body();
    const size_t room = static_cast<size_t>(problem.group() * (problem.length() + d + kMostLanes));
#pragma omp parallel if (b * queries * problem.length() * d > kWorthThreads)
    {
        std::vector<float> scratch(room);
#pragma omp for schedule(static)
        for (int64_t task = 0; task < b * heads; ++task)
            attend(problem, task / heads, task % heads, scratch.data());
    }
    return 0;
}
