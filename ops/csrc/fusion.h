// Fusion of depth pictures, the contract between its driver and its bodies. The driver (fusion_exact.cpp) owns threads
// and the choice of body; a body (fusion_exact_<isa>.cpp) owns the arithmetic of one block of voxels.
#pragma once
#include <cstdint>

namespace scene3d {

constexpr int64_t kBlock = 8;  // voxels along the edge of a block
constexpr int64_t kPlane = kBlock * kBlock;
constexpr int64_t kVoxels = kBlock * kPlane;  // z fastest, then y
// What is summed per voxel over the pictures that saw it: signed distance, 1, red, green, blue.
constexpr int64_t kSums = 5;

struct Pictures {
    const float* depth;              // (k, h, w), metres
    const uint8_t* rgb;              // (k, h, w, 3)
    const float* camera_from_world;  // (k, 3, 4)
    const float* intrinsic;          // fx, fy, cx, cy
    int64_t h, w;
    float voxel_m, truncation_m;
};

struct FusionBody {
    // Writes the sums (kSums, kVoxels) of the block at lattice place `block` (3), over `count` pictures in this order.
    void (*integrate)(const Pictures& all, const int32_t* block, const int32_t* picture, int64_t count, float* sums);
};

extern const FusionBody fusion_plain;
#if defined(__x86_64__)
extern const FusionBody fusion_avx2;
extern const FusionBody fusion_avx512;
#endif

}  // namespace scene3d
