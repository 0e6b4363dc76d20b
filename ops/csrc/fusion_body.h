// Fusion of depth pictures, the arithmetic: compiled once per instruction set by fusion_exact_<isa>.cpp, and without
// merged roundings, so that all of them and the twin give the same bits.
//
// A block of voxels stays in the L1 cache while all pictures that touch it pass over it.
#pragma once
#include "fusion.h"
#include "simd.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace scene3d {
namespace {

typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));  // a comparison gives -1 where it holds, else 0

SCENE3D_INLINE Floats where(Ints mask, Floats value) { return (Floats)((Ints)value & mask); }

SCENE3D_INLINE bool any(Ints mask) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_ps((__m256)mask) != 0;
#else
    int32_t some = 0;
    for (int i = 0; i < kLanes; ++i) some |= mask[i];
    return some != 0;
#endif
}

SCENE3D_INLINE Floats gather(const float* from, Ints at) {
#if defined(__AVX512F__)
    return (Floats)_mm512_i32gather_ps((__m512i)at, from, 4);
#elif defined(__AVX2__)
    return (Floats)_mm256_i32gather_ps(from, (__m256i)at, 4);
#else
    Floats found;
    for (int i = 0; i < kLanes; ++i) found[i] = from[at[i]];
    return found;
#endif
}

// Red, green and blue of pixels, from low to high bytes. Four bytes are read where three are wanted: at the last of
// `pixels` they begin one byte early, so that none is read beyond the picture.
SCENE3D_INLINE Bits gather_rgb(const uint8_t* from, Ints at, int32_t pixels) {
#if defined(__AVX2__)
    const Ints wanted = at * 3, end = Ints{} + (3 * pixels - 4);
    const Ints start = wanted < end ? wanted : end;
#if defined(__AVX512F__)
    const Bits four = (Bits)_mm512_i32gather_epi32((__m512i)start, from, 1);
#else
    const Bits four = (Bits)_mm256_i32gather_epi32(reinterpret_cast<const int*>(from), (__m256i)start, 1);
#endif
    return four >> (Bits)((wanted - start) * 8);
#else
    (void)pixels;
    Bits found;
    for (int i = 0; i < kLanes; ++i) {
        const uint8_t* pixel = from + int64_t{at[i]} * 3;
        found[i] = uint32_t{pixel[0]} | uint32_t{pixel[1]} << 8 | uint32_t{pixel[2]} << 16;
    }
    return found;
#endif
}

SCENE3D_INLINE void add(float* sum, Floats value) { store(sum, load(sum) + value); }

// Where the voxels of a block lie, metres: x per plane, y and z within each plane.
struct Place {
    float x[kBlock], y[kPlane], z[kPlane];
};

// Adds one picture to the sums.
SCENE3D_ALONE void add_picture(const Pictures& all, int64_t picture, const Place& place, float* sums) {
    const float *m = all.camera_from_world + picture * 12, *k = all.intrinsic;
    const float* depth = all.depth + picture * all.h * all.w;
    const uint8_t* rgb = all.rgb + picture * all.h * all.w * 3;
    const int32_t width = static_cast<int32_t>(all.w), pixels = static_cast<int32_t>(all.h * all.w);
    const float right = static_cast<float>(all.w - 1), bottom = static_cast<float>(all.h - 1);
    float in_plane[3][kPlane];  // of the voxels in the camera, the part that is the same in each plane
    for (int axis = 0; axis < 3; ++axis)
        for (int64_t i = 0; i < kPlane; i += kLanes)
            store(in_plane[axis] + i,
                  m[axis * 4 + 1] * load(place.y + i) + m[axis * 4 + 2] * load(place.z + i) + m[axis * 4 + 3]);
    for (int64_t voxel = 0; voxel < kVoxels; voxel += kLanes) {
        const float at = place.x[voxel / kPlane];
        const int64_t i = voxel % kPlane;
        const Floats x = load(in_plane[0] + i) + m[0] * at;
        const Floats y = load(in_plane[1] + i) + m[4] * at;
        const Floats z = load(in_plane[2] + i) + m[8] * at;
        const Floats per_z = 1.0f / z;
        const Floats u = k[0] * x * per_z + k[2], v = k[1] * y * per_z + k[3];
        const Ints inside = (z > 0.0f) & (u >= 0.0f) & (v >= 0.0f) & (u <= right) & (v <= bottom);
        if (!any(inside)) continue;
        const Ints column = __builtin_convertvector(where(inside, u), Ints);
        const Ints row = __builtin_convertvector(where(inside, v), Ints);
        const Ints pixel = row * width + column;
        const Floats seen = gather(depth, pixel), before = seen - z;  // > 0: the voxel lies before the surface
        const Ints good = inside & (seen > 0.0f) & (seen < __builtin_inff()) & (before >= -all.truncation_m);
        if (!any(good)) continue;
        const Floats most = Floats{} + all.truncation_m;
        add(sums + voxel, where(good, before < most ? before : most));
        add(sums + kVoxels + voxel, where(good, Floats{} + 1.0f));
        const Bits colour = gather_rgb(rgb, pixel, pixels);
        for (int channel = 0; channel < 3; ++channel) {
            const Ints level = (Ints)(colour >> (8 * channel) & 255u);
            add(sums + (2 + channel) * kVoxels + voxel, where(good, __builtin_convertvector(level, Floats)));
        }
    }
}

static void integrate(const Pictures& all, const int32_t* block, const int32_t* picture, int64_t count, float* sums) {
    Place place;
    const auto metres = [&](int axis, int64_t i) { return static_cast<float>(block[axis] * kBlock + i) * all.voxel_m; };
    for (int64_t i = 0; i < kBlock; ++i) place.x[i] = metres(0, i);
    for (int64_t i = 0; i < kPlane; ++i) {
        place.y[i] = metres(1, i / kBlock);
        place.z[i] = metres(2, i % kBlock);
    }
    memset(sums, 0, sizeof(float) * static_cast<size_t>(kSums * kVoxels));
    for (int64_t i = 0; i < count; ++i) add_picture(all, picture[i], place, sums);
}

constexpr FusionBody kBody{integrate};

}  // namespace
}  // namespace scene3d
