// Linear layers with int8 weights, the driver: rounds the states, shares panels of outputs out to threads, and picks
// the body for this machine.
#include "linear_int8.h"

#include <algorithm>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "runtime.h"

namespace scene3d {
namespace {

const LinearInt8Bodies& bodies() {
#if defined(__x86_64__)
    static const bool vnni = __builtin_cpu_supports("avx512vnni");
    if (isa() >= Isa::avx512 && vnni) return linear_int8_avx512vnni;
    if (isa() >= Isa::avx2) return linear_int8_avx2;
#endif
    return linear_int8_plain;
}

// Kept between calls, one per calling thread: a token's path has hundreds of calls of a few microseconds.
struct Rounded {
    std::vector<int8_t> value;
    std::vector<float> scale;
    std::vector<int32_t> offset;
};

void run(const LinearInt8& problem, int64_t threads) {
    const LinearInt8Bodies& body = bodies();
    const int64_t tiles = (problem.panels() + kMostPanels - 1) / kMostPanels;
    // Some turns per thread, so that one that is held up by other work does not hold up all.
    const int64_t turn = std::max<int64_t>(1, tiles / (threads * 8));
#pragma omp parallel
    {
        std::vector<float> scratch(static_cast<size_t>(problem.blocks() * kBlock));
#pragma omp for schedule(static)
        for (int64_t row = 0; row < problem.n; ++row) body.round_row(problem, row, scratch.data());
#pragma omp for schedule(dynamic, turn)
        for (int64_t tile = 0; tile < tiles; ++tile) {
            const int64_t first = tile * kMostPanels;
            body.multiply(problem, first, std::min(kMostPanels, problem.panels() - first));
        }
    }
}

}  // namespace
}  // namespace scene3d

using namespace scene3d;

// out (n, co) = prepared x · weight^T, times scale, plus bias and residual where given. `before` is one of Before.
SCENE3D_API int64_t scene3d_linear_int8(const float* x, const float* norm, const uint8_t* weight, const float* scale,
                                        const float* bias, const float* residual, float* out, int64_t n, int64_t ci,
                                        int64_t co, int64_t before, float epsilon) {
    static thread_local Rounded room;
    LinearInt8 problem{x,  norm, weight, scale,  bias,    residual, out,    n,
                       ci, co,   before, epsilon, nullptr, nullptr,  nullptr};
    const size_t all = static_cast<size_t>(n * problem.blocks());
    if (room.scale.size() < all) {
        room.value.resize(all * kBlock);
        room.scale.resize(all);
        room.offset.resize(all);
    }
    problem.rounded = room.value.data();
    problem.block_scale = room.scale.data();
    problem.block_offset = room.offset.data();
#ifdef _OPENMP
    run(problem, omp_get_max_threads());
#else
    run(problem, 1);
#endif
    return 0;
}
