// Attention of new tokens to a cache, the driver: shares sequences, key heads and runs of tokens out to threads.
#include "attend_cached.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "runtime.h"

namespace scene3d {
namespace {

// Below this many multiplications one thread is done before a second has started.
constexpr int64_t kWorthThreads = 1 << 16;
// Tokens of a sequence that one task answers: enough for turning the keys over to be nothing beside it.
constexpr int64_t kRun = 32;

const AttendCachedBody& body() {
#if defined(__x86_64__)
    if (isa() >= Isa::avx512) return attend_cached_avx512;
    if (isa() >= Isa::avx2) return attend_cached_avx2;
#endif
    return attend_cached_plain;
}

}  // namespace
}  // namespace scene3d

using namespace scene3d;

// Turns the new queries and keys, keeps keys and values from `place` on, and attends to the prefix and to all places of
// the token's own sequence up to its own. `count` has the new tokens of each of the b sequences; null: one each.
SCENE3D_API int64_t scene3d_attend_cached(const float* states, const float* cosine, const float* sine, float* keys,
                                          float* values, const uint8_t* real, float* out, const float* prefix_keys,
                                          const float* prefix_values, const uint8_t* prefix_real,
                                          int64_t prefix_capacity, int64_t prefix_length, const int64_t* count,
                                          int64_t b, int64_t queries, int64_t heads, int64_t d, int64_t capacity,
                                          int64_t place) {
    const Past prefix{prefix_keys, prefix_values, prefix_real, prefix_capacity, prefix_length};
    const AttendCached problem{states, cosine, sine,    keys,  values, real,     out,
                               prefix, queries, heads, d,     capacity, place};
    std::vector<NewTokens> runs;
    int64_t row = 0, longest = 1;
    for (int64_t sequence = 0; sequence < b; ++sequence) {
        const int64_t all = count ? count[sequence] : 1;
        longest = std::max(longest, all);
        for (int64_t first = 0; first < all; first += kRun) {
            const int64_t some = std::min(kRun, all - first);
            runs.push_back({sequence, row, some, place + first});
            row += some;
        }
    }
    const AttendCachedBody& does = body();
    const int64_t length = prefix_length + place + longest, tasks = static_cast<int64_t>(runs.size()) * heads;
    const size_t room = static_cast<size_t>(attend_cached_room(length, problem.group(), d));
#pragma omp parallel if (row * queries * length * d > kWorthThreads)
    {
        std::vector<float> scratch(room);
#pragma omp for schedule(static)
        for (int64_t run = 0; run < static_cast<int64_t>(runs.size()); ++run)
            does.keep(problem, runs[static_cast<size_t>(run)]);
#pragma omp for schedule(dynamic)
        for (int64_t task = 0; task < tasks; ++task)
            does.attend(problem, runs[static_cast<size_t>(task / heads)], task % heads, scratch.data());
    }
    return 0;
}
