// A vector of floats as wide as the instruction set that the including file is compiled for. The vector extension of
// GCC and Clang supplies the operators on every processor, so one text serves AVX-512, AVX2, SSE and NEON.
//
// Everything here has internal linkage: were it shared, the linker would keep one copy of the several builds, and a
// machine without AVX-512 could be handed the AVX-512 one. For the same reason bodies use no standard templates.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace scene3d {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Floats __attribute__((vector_size(kLanes * 4)));
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));

#define SCENE3D_INLINE static inline __attribute__((always_inline))
// For loops that need every register: inlined, they share them with their surroundings, and GCC spills within the loop.
#define SCENE3D_ALONE static __attribute__((noinline))

SCENE3D_INLINE Floats load(const float* from) {
    Floats v;
    memcpy(&v, from, sizeof v);
    return v;
}

SCENE3D_INLINE void store(float* to, Floats v) { memcpy(to, &v, sizeof v); }

// The same address, which the compiler may not take apart: it then reads at constant distances from one register, where
// GCC 12 would add up each address anew and the additions would take longer than the products.
SCENE3D_INLINE const float* whole_address(const float* from) {
    asm("" : "+r"(from));
    return from;
}

SCENE3D_INLINE float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// To the nearest bfloat16, ties to even; a NaN stays one.
SCENE3D_INLINE uint16_t bfloat16_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value) return static_cast<uint16_t>((bits >> 16) | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace
}  // namespace scene3d
