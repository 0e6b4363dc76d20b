// What the rays of a camera see: where they end, the texel there, the light on it. The twin is numpy, and every bit is
// the same: no operation may be reordered or merged.
#include <cmath>
#include <cstdint>
#include <limits>

#include "runtime.h"

namespace {

constexpr int64_t kBlock = 256;  // pixels at a time
constexpr float kFarthest = std::numeric_limits<float>::max();
constexpr uint8_t kBlack[3] = {0, 0, 0};

// std::floor is a call on plain x86-64. From 2²³ on a float has no fraction.
float floor_of(float x) {
    if (!(std::fabs(x) < 8388608.0f)) return x;
    const float whole = static_cast<float>(static_cast<int32_t>(x));
    return whole - static_cast<float>(whole > x);
}

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Texel of a texture at `weight` of a face's second and third corner.
const uint8_t* texel_at(const float* corner, const float* weight, const int32_t* size, const uint8_t* texture) {
    const int64_t height = size[0], width = size[1];
    const float u = (corner[0] + (corner[2] - corner[0]) * weight[0]) + (corner[4] - corner[0]) * weight[1];
    const float v = (corner[1] + (corner[3] - corner[1]) * weight[0]) + (corner[5] - corner[1]) * weight[1];
    const float across = u - floor_of(u), down = 1.0f - (v - floor_of(v));
    const int64_t column = least(static_cast<int64_t>(static_cast<double>(across) * width), width - 1);
    const int64_t row = least(static_cast<int64_t>(static_cast<double>(down) * height), height - 1);
    return texture + 3 * (row * width + column);
}

}  // namespace

// Rays (n, 6) that start at origin (3) along direction (3, n).
SCENE3D_API int64_t scene3d_rays(const float* origin, const float* direction, int64_t n, float* ray) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t axis = 0; axis < 3; ++axis) {
            ray[6 * i + axis] = origin[axis];
            ray[6 * i + 3 + axis] = direction[axis * n + i];
        }
    return 0;
}

// Rays of length t (n) from origin (3) along direction (3, n), and the triangle's normal (n, 3) where they end: the point
// (3, n), the normal that faces the origin (3, n), and the cosine (n) between the two.
SCENE3D_API int64_t scene3d_ray_ends(const float* origin, const float* direction, const float* t, const float* normal,
                                     int64_t n, float* at, float* facing, float* cosine) {
    for (int64_t first = 0; first < n; first += kBlock) {
        const int64_t count = least(kBlock, n - first);
        float across[3][kBlock], side[kBlock], length[kBlock];
        for (int64_t i = 0; i < count; ++i)
            for (int64_t axis = 0; axis < 3; ++axis) across[axis][i] = normal[3 * (first + i) + axis];
        const float *x = direction + first, *y = x + n, *z = y + n;
        for (int64_t i = 0; i < count; ++i) {
            const float toward = -((across[0][i] * x[i] + across[1][i] * y[i]) + across[2][i] * z[i]);
            side[i] = toward < 0 ? -1.0f : 1.0f;
            length[i] = t[first + i] <= kFarthest ? t[first + i] : 0.0f;
            cosine[first + i] = std::fabs(toward) / std::sqrt((x[i] * x[i] + y[i] * y[i]) + z[i] * z[i]);
        }
        for (int64_t axis = 0; axis < 3; ++axis) {
            const int64_t row = axis * n + first;
            for (int64_t i = 0; i < count; ++i) {
                at[row + i] = origin[axis] + direction[row + i] * length[i];
                facing[row + i] = across[axis][i] * side[i];
            }
        }
    }
    return 0;
}

// Nearest texel (n, 3) of each face (n; below 0 = none, black) at weight (n, 2) of its second and third corner.
// uv (f, 3, 2) and material (f) of all faces; size (m, 2) = height, width and start (m) of all textures in texel (p, 3).
SCENE3D_API int64_t scene3d_texels(const int32_t* face, const float* weight, int64_t n, const float* uv,
                                   const int32_t* material, const int32_t* size, const int64_t* start,
                                   const uint8_t* texel, uint8_t* rgb) {
    for (int64_t i = 0; i < n; ++i) {
        const int64_t f = face[i], m = f < 0 ? 0 : material[f];
        const uint8_t* found =
            f < 0 ? kBlack : texel_at(uv + 6 * f, weight + 2 * i, size + 2 * m, texel + 3 * start[m]);
        for (int64_t c = 0; c < 3; ++c) rgb[3 * i + c] = found[c];
    }
    return 0;
}

// Colour (n, 3), 0-255, under lamps (l, 6) = position, rgb and an ambient share: at and normal (3, n) of the points,
// unevenness (n). Writes rgb (n, 3), 1 = white in a well-lit place.
SCENE3D_API int64_t scene3d_lit(const uint8_t* colour, const float* at, const float* normal, const float* uneven,
                                int64_t n, const float* lamp, int64_t lamps, float ambient, float* rgb) {
    for (int64_t first = 0; first < n; first += kBlock) {
        const int64_t count = least(kBlock, n - first);
        const float *x = at + first, *y = x + n, *z = y + n, *nx = normal + first, *ny = nx + n, *nz = ny + n;
        float light[3][kBlock];
        for (auto& channel : light)
            for (float& value : channel) value = ambient;
        for (int64_t l = 0; l < lamps; ++l) {
            const float* from = lamp + 6 * l;
            const float px = from[0], py = from[1], pz = from[2], red = from[3], green = from[4], blue = from[5];
            for (int64_t i = 0; i < count; ++i) {
                const float dx = px - x[i], dy = py - y[i], dz = pz - z[i];
                const float square = (dx * dx + dy * dy) + dz * dz;
                const float dot = (dx * nx[i] + dy * ny[i]) + dz * nz[i];
                const float facing = (dot < 0 ? 0 : dot) / std::sqrt(square + 1e-6f);
                const float falling = 1.5f * facing / (1.0f + 0.18f * square);
                light[0][i] += red * falling;
                light[1][i] += green * falling;
                light[2][i] += blue * falling;
            }
        }
        for (auto& channel : light)
            for (int64_t i = 0; i < count; ++i) channel[i] *= uneven[first + i];
        for (int64_t i = 0; i < count; ++i)
            for (int64_t c = 0; c < 3; ++c) {
                const int64_t place = 3 * (first + i) + c;
                rgb[place] = colour[place] * (1.0f / 255) * light[c][i];
            }
    }
    return 0;
}
