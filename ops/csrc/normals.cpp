// Normal of each point: the direction in which its neighbours spread least.
#include <cmath>

#include "runtime.h"

namespace {

// Rotates away the element (p, q) of the symmetric matrix `m` and turns the eigenvectors in the columns of `v` along.
void rotate(double m[3][3], double v[3][3], int p, int q) {
    if (m[p][q] == 0.0) return;
    const double theta = (m[q][q] - m[p][p]) / (2.0 * m[p][q]);
    const double t = (theta < 0 ? -1.0 : 1.0) / (std::fabs(theta) + std::sqrt(theta * theta + 1.0));
    const double c = 1.0 / std::sqrt(t * t + 1.0), s = t * c;
    const int r = 3 - p - q;
    const double mpr = m[p][r], mqr = m[q][r];
    m[p][p] -= t * m[p][q];
    m[q][q] += t * m[p][q];
    m[p][q] = m[q][p] = 0.0;
    m[p][r] = m[r][p] = c * mpr - s * mqr;
    m[q][r] = m[r][q] = s * mpr + c * mqr;
    for (int i = 0; i < 3; ++i) {
        const double vip = v[i][p], viq = v[i][q];
        v[i][p] = c * vip - s * viq;
        v[i][q] = s * vip + c * viq;
    }
}

// Eigenvector of the smallest eigenvalue by Jacobi's method; six sweeps reach double precision for any 3×3 matrix.
void least_direction(double m[3][3], double out[3]) {
    double v[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (int sweep = 0; sweep < 6; ++sweep) {
        const double rest = std::fabs(m[0][1]) + std::fabs(m[0][2]) + std::fabs(m[1][2]);
        if (rest <= 1e-15 * (m[0][0] + m[1][1] + m[2][2])) break;
        rotate(m, v, 0, 1);
        rotate(m, v, 0, 2);
        rotate(m, v, 1, 2);
    }
    int least = 0;
    for (int d = 1; d < 3; ++d) {
        if (m[d][d] < m[least][least]) least = d;
    }
    for (int d = 0; d < 3; ++d) out[d] = v[d][least];
}

}  // namespace

// xyz (…, 3), neighbour (count, k) rows of xyz; normal (count, 3), written: unit length, sign arbitrary.
SCENE3D_API int64_t scene3d_point_normals(const float* xyz, const int64_t* neighbour, int64_t count, int64_t k,
                                          float* normal) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; ++i) {
        const int64_t* near = neighbour + i * k;
        double mean[3] = {0, 0, 0};
        for (int64_t j = 0; j < k; ++j) {
            for (int d = 0; d < 3; ++d) mean[d] += xyz[3 * near[j] + d] / static_cast<double>(k);
        }
        double spread[3][3] = {};
        for (int64_t j = 0; j < k; ++j) {
            double from_mean[3];
            for (int d = 0; d < 3; ++d) from_mean[d] = xyz[3 * near[j] + d] - mean[d];
            for (int a = 0; a < 3; ++a) {
                for (int b = a; b < 3; ++b) spread[a][b] += from_mean[a] * from_mean[b];
            }
        }
        for (int a = 0; a < 3; ++a) {
            for (int b = 0; b < a; ++b) spread[a][b] = spread[b][a];
        }
        double direction[3];
        least_direction(spread, direction);
        for (int d = 0; d < 3; ++d) normal[3 * i + d] = static_cast<float>(direction[d]);
    }
    return 0;
}
