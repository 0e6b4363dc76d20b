// What a structured-light camera makes of a perfect picture (h, w), random numbers given. The twin is numpy, and every
// bit is the same: no operation may be reordered or merged.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "runtime.h"

namespace {

int64_t clamped(int64_t at, int64_t count) { return at < 0 ? 0 : at >= count ? count - 1 : at; }

float within_0_1(float x) { return std::min(1.0f, std::max(0.0f, x)); }

// Half to even; std::rint is a call on plain x86-64. From 2²³ on a float has no fraction.
float rounded(float x) {
    constexpr float kWhole = 8388608.0f;
    const float up = (x + kWhole) - kWhole, down = (x - kWhole) + kWhole;
    const float near = x < 0 ? down : up;
    return std::fabs(x) < kWhole ? near : x;
}

}  // namespace

// Each pixel looks aside by jitter (2, h, w) × spread pixels: rows, then columns.
SCENE3D_API int64_t scene3d_jittered(const float* depth, const float* jitter, int64_t h, int64_t w, float spread,
                                     float* seen) {
    const float* across = jitter + h * w;
    for (int64_t row = 0, i = 0; row < h; ++row)
        for (int64_t column = 0; column < w; ++column, ++i) {
            const int64_t down_by = std::lrintf(jitter[i] * spread), across_by = std::lrintf(across[i] * spread);
            seen[i] = depth[clamped(row + down_by, h) * w + clamped(column + across_by, w)];
        }
    return 0;
}

// Pixels, in order, that `may` (h, w) admits and whose depth differs by more than `least` from that of the pixel
// `stride` on; index has room for all. Returns how many.
SCENE3D_API int64_t scene3d_depth_jumps(const float* depth, const uint8_t* may, int64_t h, int64_t w, int64_t down,
                                        float least, int64_t* index) {
    const int64_t rows = down ? h - 1 : h, columns = down ? w : w - 1, stride = down ? w : 1;
    const auto finite = [](float x) { return std::fabs(x) <= std::numeric_limits<float>::max(); };
    int64_t count = 0;
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t i = row * w; i < row * w + columns; ++i) {
            const float here = depth[i], beside = depth[i + stride];
            if (std::fabs(beside - here) > least && may[i] && finite(here) && finite(beside)) index[count++] = i;
        }
    return count;
}

// Where less comes back than patches (h / 4 + 1, w / 4 + 1) and grains (h, w) of chance ask for. rgb (h, w, 3),
// cosine and rate (h, w).
SCENE3D_API int64_t scene3d_weak_pattern(const float* rgb, const float* cosine, const float* rate, const double* patch,
                                         const double* grain, int64_t h, int64_t w, uint8_t* lost) {
    std::vector<float> sum(w), survives(w);
    for (int64_t row = 0; row < h; ++row, rgb += 3 * w, cosine += w, rate += w, grain += w, lost += w) {
        const double* patches = patch + row / 4 * (w / 4 + 1);
        for (int64_t i = 0; i < w; ++i) sum[i] = (rgb[3 * i] + rgb[3 * i + 1]) + rgb[3 * i + 2];
        for (int64_t i = 0; i < w; ++i)
            survives[i] = rate[i] * within_0_1((cosine[i] - 0.06f) / 0.2f) * within_0_1(0.55f + sum[i] / 3.0f / 0.1f);
        for (int64_t i = 0; i < w; ++i)
            lost[i] = 0.65 * patches[i / 4] + 0.35 * grain[i] > static_cast<double>(survives[i]);
    }
    return 0;
}

// Pixels (h, w) to whose right a nearer thing stands in the projector's way; parallax in pixels × metres.
SCENE3D_API int64_t scene3d_projector_shadow(const float* depth, int64_t h, int64_t w, float parallax,
                                             uint8_t* hidden) {
    for (int64_t row = 0; row < h; ++row) {
        double nearest = std::numeric_limits<double>::infinity();
        for (int64_t column = w - 1; column >= 0; --column) {
            const int64_t i = row * w + column;
            const double at = static_cast<double>(column) - static_cast<double>(parallax / depth[i]);
            nearest = at < nearest ? at : nearest;
            hidden[i] = at > nearest + 1.5;
        }
    }
    return 0;
}

// Depth (n) through a noisy disparity in whole steps; 0 where it is lost or not between near and far.
SCENE3D_API int64_t scene3d_disparity_steps(const float* depth, const uint8_t* lost, const float* noise, int64_t n,
                                            float step, float spread, float near, float far, float* sensed) {
    for (int64_t i = 0; i < n; ++i) sensed[i] = lost[i] ? std::numeric_limits<float>::quiet_NaN() : depth[i];
    for (int64_t i = 0; i < n; ++i) {
        const float seen = sensed[i];
        const bool kept = (seen > near) & (seen < far);
        const float disparity = rounded(step / (kept ? seen : 1.0f) + noise[i] * spread);
        const float back = step / std::max(disparity, 1.0f);
        sensed[i] = kept ? back : 0.0f;
    }
    return 0;
}

// Mean of rgb (h, w, 3) over moves (k, 2) = columns, rows, times gain (3), plus grain (h, w) × spread, as bytes.
SCENE3D_API int64_t scene3d_exposed(const float* rgb, const int64_t* move, int64_t moves, const float* gain,
                                    const float* grain, float spread, int64_t h, int64_t w, uint8_t* exposed) {
    std::vector<float> sum(3 * w), noise(3 * w), gains(3 * w);
    for (int64_t i = 0; i < 3 * w; ++i) gains[i] = gain[i % 3];
    for (int64_t row = 0; row < h; ++row) {
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (int64_t k = 0; k < moves; ++k) {
            const int64_t across = move[2 * k];
            const float* source = rgb + 3 * w * clamped(row + move[2 * k + 1], h);
            const int64_t begin = std::min(std::max<int64_t>(-across, 0), w);
            const int64_t end = std::max(std::min(w - across, w), begin);
            for (int64_t i = 0; i < 3 * begin; ++i) sum[i] += source[3 * clamped(i / 3 + across, w) + i % 3];
            for (int64_t i = 3 * begin; i < 3 * end; ++i) sum[i] += source[i + 3 * across];
            for (int64_t i = 3 * end; i < 3 * w; ++i) sum[i] += source[3 * clamped(i / 3 + across, w) + i % 3];
        }
        for (int64_t i = 0; i < w; ++i)
            for (int64_t c = 0; c < 3; ++c) noise[3 * i + c] = spread * grain[row * w + i];
        for (int64_t i = 0; i < 3 * w; ++i) {
            const float value = within_0_1(sum[i] / static_cast<float>(moves) * gains[i] + noise[i]);
            exposed[3 * row * w + i] = static_cast<uint8_t>(static_cast<int32_t>(value * 255.0f));
        }
    }
    return 0;
}
