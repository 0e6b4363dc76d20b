// What the loader asks of the library: its age, its instruction set, its thread count.
#include "runtime.h"

#include <atomic>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace scene3d {
namespace {

Isa best_of_this_machine() {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (avx512 && __builtin_cpu_supports("avx512bf16")) return Isa::avx512bf16;
    if (avx512) return Isa::avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
    return Isa::plain;
}

std::atomic<Isa> limit{Isa::avx512bf16};

}  // namespace

Isa isa() {
    static const Isa best = best_of_this_machine();
    const Isa asked = limit.load(std::memory_order_relaxed);
    return asked < best ? asked : best;
}

}  // namespace scene3d

SCENE3D_API int64_t scene3d_abi() { return 2; }

SCENE3D_API const char* scene3d_isa() {
    switch (scene3d::isa()) {
        case scene3d::Isa::avx512bf16: return "avx512bf16";
        case scene3d::Isa::avx512: return "avx512";
        case scene3d::Isa::avx2: return "avx2";
        default: return "plain";
    }
}

// Use nothing above this set: 0 plain, 1 avx2, 2 avx512, 3 avx512bf16.
SCENE3D_API int64_t scene3d_limit_isa(int64_t level) {
    scene3d::limit = static_cast<scene3d::Isa>(level);
    return 0;
}

SCENE3D_API void scene3d_set_threads(int64_t threads) {
#ifdef _OPENMP
    omp_set_num_threads(static_cast<int>(threads));
#else
    (void)threads;
#endif
}
