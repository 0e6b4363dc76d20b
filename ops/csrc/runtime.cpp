// What the loader asks of the library: its age, its instruction set, its thread count.
#include "runtime.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace scene3d {

Isa isa() {
#if defined(__x86_64__) && defined(__GNUC__)
    static const Isa found = [] {
        __builtin_cpu_init();
        const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        if (avx512 && __builtin_cpu_supports("avx512bf16")) return Isa::avx512bf16;
        if (avx512) return Isa::avx512;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
        return Isa::plain;
    }();
    return found;
#else
    return Isa::plain;
#endif
}

}  // namespace scene3d

SCENE3D_API int64_t scene3d_abi() { return 1; }

SCENE3D_API const char* scene3d_isa() {
    switch (scene3d::isa()) {
        case scene3d::Isa::avx512bf16: return "avx512bf16";
        case scene3d::Isa::avx512: return "avx512";
        case scene3d::Isa::avx2: return "avx2";
        default: return "plain";
    }
}

SCENE3D_API void scene3d_set_threads(int64_t threads) {
#ifdef _OPENMP
    omp_set_num_threads(static_cast<int>(threads));
#else
    (void)threads;
#endif
}
