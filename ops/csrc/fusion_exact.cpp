// Fusion of depth pictures, the driver: which blocks of voxels a picture touches, and their sums, block by block.
#include "fusion.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "runtime.h"

namespace scene3d {
namespace {

constexpr int64_t kStride = 4;   // every so many pixels in each direction a ray is followed
constexpr int64_t kSamples = 4;  // places along a ray, from truncation before to truncation behind the depth

// How keys of neighbours.cpp are made of block coordinates, which may be negative.
struct Keys {
    int64_t bits, centre, reach;  // coordinates lie in -reach … reach - 1

    // -1 out of reach.
    int64_t of(const float* block) const {
        int64_t key = 0;
        for (int axis = 0; axis < 3; ++axis) {
            if (!(std::fabs(block[axis]) < static_cast<float>(reach))) return -1;
            key = key << bits | (static_cast<int64_t>(block[axis]) + centre);
        }
        return key;
    }
};

// Blocks in which rays of one picture (h, w) change sides of the surface: sorted keys without repeats. `pose` is
// world_from_camera (3, 4), `k` is fx, fy, cx, cy. Returns their number, -1 where one is out of reach.
int64_t touched(const float* depth, int64_t h, int64_t w, const float* pose, const float* k, float block_m,
                float truncation_m, const Keys& keys, int64_t* key) {
    int64_t n = 0;
    for (int64_t row = 0; row < h; row += kStride) {
        int64_t last[kSamples] = {-1, -1, -1, -1};  // of the ray before: mostly the same again
        for (int64_t column = 0; column < w; column += kStride) {
            const float d = depth[row * w + column];
            if (!(d > 0.0f && d < INFINITY)) continue;
            const float x = (static_cast<float>(column) - k[2]) / k[0], y = (static_cast<float>(row) - k[3]) / k[1];
            float along[3];
            for (int axis = 0; axis < 3; ++axis)
                along[axis] = pose[axis * 4] * x + pose[axis * 4 + 1] * y + pose[axis * 4 + 2];
            float t = std::max(d - truncation_m, 0.0f);
            const float step = (d + truncation_m - t) / static_cast<float>(kSamples - 1);
            for (int64_t sample = 0; sample < kSamples; ++sample, t += step) {
                float block[3];
                for (int axis = 0; axis < 3; ++axis)
                    block[axis] = std::floor((pose[axis * 4 + 3] + t * along[axis]) / block_m);
                const int64_t found = keys.of(block);
                if (found < 0) return -1;
                if (found != last[sample]) key[n++] = last[sample] = found;
            }
        }
    }
    std::sort(key, key + n);
    return std::unique(key, key + n) - key;
}

const FusionBody& body() {
#if defined(__x86_64__)
    if (isa() >= Isa::avx512) return fusion_avx512;
    if (isa() >= Isa::avx2) return fusion_avx2;
#endif
    return fusion_plain;
}

}  // namespace
}  // namespace scene3d

using namespace scene3d;

// depth (k, h, w), pose (k, 3, 4) = world_from_camera, intrinsic = fx, fy, cx, cy. Written: key (k, capacity), the
// blocks of each picture, sorted, and count (k), how many; a capacity of kSamples for each ray suffices. Returns the
// first picture that touches a block out of reach, or -1.
SCENE3D_API int64_t scene3d_touched_blocks(const float* depth, int64_t pictures, int64_t h, int64_t w,
                                           const float* pose, const float* intrinsic, float voxel_m,
                                           float truncation_m, int64_t bits, int64_t centre, int64_t reach,
                                           int64_t capacity, int64_t* key, int64_t* count) {
    const float block_m = voxel_m * static_cast<float>(kBlock);
    const Keys keys{bits, centre, reach};
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < pictures; ++i)
        count[i] = touched(depth + i * h * w, h, w, pose + i * 12, intrinsic, block_m, truncation_m, keys,
                           key + i * capacity);
    const int64_t* fault = std::find(count, count + pictures, -1);
    return fault == count + pictures ? -1 : fault - count;
}

// rgb (k, h, w, 3), camera_from_world (k, 3, 4), block (blocks, 3); block b is seen in the pictures picture[first[b]] …
// picture[first[b + 1] - 1]; sums (blocks, kSums, kVoxels) are written.
SCENE3D_API int64_t scene3d_integrate_depth(const float* depth, const uint8_t* rgb, int64_t h, int64_t w,
                                            const float* camera_from_world, const float* intrinsic, float voxel_m,
                                            float truncation_m, const int32_t* block, const int64_t* first,
                                            const int32_t* picture, int64_t blocks, float* sums) {
    const Pictures all{depth, rgb, camera_from_world, intrinsic, h, w, voxel_m, truncation_m};
    const FusionBody& does = body();
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t b = 0; b < blocks; ++b)
        does.integrate(all, block + b * 3, picture + first[b], first[b + 1] - first[b], sums + b * kSums * kVoxels);
    return 0;
}
