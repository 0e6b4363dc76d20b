// The exponential function of a vector of floats, to 2 units in the last place; 0 below -87 and finite above 88.
#pragma once
#include "simd.h"

namespace scene3d {
namespace {

SCENE3D_INLINE Floats exponential(Floats x) {
    typedef int32_t Whole __attribute__((vector_size(kLanes * 4)));
    const Floats least = Floats{} - 87.0f, most = Floats{} + 88.0f;
    x = x < least ? least : x;
    x = x > most ? most : x;
    // x = k · ln 2 + rest, |rest| <= ln 2 / 2; ln 2 in two parts, so that the rest keeps its digits.
    const Floats k = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    const Floats rest = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    Floats series = rest * 1.9841270e-4f + 1.3888889e-3f;
    series = series * rest + 8.3333333e-3f;
    series = series * rest + 4.1666667e-2f;
    series = series * rest + 1.6666667e-1f;
    series = series * rest + 0.5f;
    series = series * rest * rest + rest + 1.0f;
    const Whole exponent = (__builtin_convertvector(k, Whole) + 127) << 23;
    return series * (Floats)exponent;
}

}  // namespace
}  // namespace scene3d
