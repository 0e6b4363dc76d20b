// The zero surface of blocks of voxels: marching cubes on rows of bits.
//
// A row holds the 8 voxels of a block that differ in z, or 10 with the ends of the blocks below and above. Which cells
// the surface crosses, and which lattice edges, then takes a few operations per row; only what is crossed is looked at.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "fusion.h"
#include "runtime.h"

namespace scene3d {
namespace {

constexpr int64_t kWide = kBlock + 2;  // rows of a block and one more on each side
constexpr int64_t kCells = kBlock + 1;

struct Blocks {
    const int32_t* neighbour;  // (27, blocks), dz fastest, -1 = none
    int64_t count;

    int64_t beside(int64_t b, int64_t dx, int64_t dy, int64_t dz) const {
        return neighbour[((dx + 1) * 9 + (dy + 1) * 3 + dz + 1) * count + b];
    }
};

// Bits of one kind of a block and its surroundings, -1 to 8 on each axis: row (x, y) is at [x + 1][y + 1], z at bit
// z + 1.
struct Rows {
    uint32_t at[kWide][kWide];
};

int64_t side(int64_t i) { return i < 0 ? -1 : i >= kBlock; }

Rows with_surroundings(const Blocks& all, int64_t b, const uint8_t* bits) {
    Rows rows;
    for (int64_t x = -1; x <= kBlock; ++x)
        for (int64_t y = -1; y <= kBlock; ++y) {
            const auto part = [&](int64_t dz) -> uint32_t {
                const int64_t other = all.beside(b, side(x), side(y), dz);
                return other < 0 ? 0u : bits[other * kPlane + (x & (kBlock - 1)) * kBlock + (y & (kBlock - 1))];
            };
            rows.at[x + 1][y + 1] = part(-1) >> (kBlock - 1) | part(0) << 1 | (part(1) & 1u) << (kBlock + 1);
        }
    return rows;
}

// Of each voxel, whether it lies behind the surface, and whether enough pictures saw it.
void classify(const float* sums, float least, uint8_t* negative, uint8_t* seen) {
    for (int64_t row = 0; row < kPlane; ++row) {
        uint32_t below = 0, enough = 0;
        for (int64_t z = 0; z < kBlock; ++z) {
            below |= static_cast<uint32_t>(sums[row * kBlock + z] < 0.0f) << z;
            enough |= static_cast<uint32_t>(sums[kVoxels + row * kBlock + z] >= least) << z;
        }
        negative[row] = static_cast<uint8_t>(below);
        seen[row] = static_cast<uint8_t>(enough);
    }
}

// Cells whose 8 corners are seen and differ in sign; cell (x, y, z) has its lowest corner there, each from -1 to 7.
void find_cells(const Rows& negative, const Rows& seen, uint32_t cell[kCells][kCells]) {
    for (int64_t x = 0; x < kCells; ++x)
        for (int64_t y = 0; y < kCells; ++y) {
            const auto& n = negative.at;
            const auto& s = seen.at;
            const uint32_t real = s[x][y] & s[x][y + 1] & s[x + 1][y] & s[x + 1][y + 1];
            const uint32_t some = n[x][y] | n[x][y + 1] | n[x + 1][y] | n[x + 1][y + 1];
            const uint32_t every = n[x][y] & n[x][y + 1] & n[x + 1][y] & n[x + 1][y + 1];
            cell[x][y] = real & (real >> 1) & (some | some >> 1) & ~(every & (every >> 1));
        }
}

// Which of the corners (x, y, z low or high) of a cell of this block are behind: bit 4x + 2y + z.
uint32_t case_of(const Rows& negative, int64_t x, int64_t y, int64_t z) {
    uint32_t corners = 0;
    for (int64_t dx = 0; dx < 2; ++dx)
        for (int64_t dy = 0; dy < 2; ++dy)
            corners |= (negative.at[x + 1 + dx][y + 1 + dy] >> (z + 1) & 3u) << (4 * dx + 2 * dy);
    return corners;
}

// Lattice edges from the voxels of row (x, y) upwards that carry a vertex: crossed, and part of a cell of the surface.
// Bit 8 * axis + z.
uint32_t crossed_edges(const Rows& negative, const uint32_t cell[kCells][kCells], int64_t x, int64_t y) {
    const auto& n = negative.at;
    const uint32_t own = n[x + 1][y + 1];
    const uint32_t here = cell[x + 1][y + 1], beside_x = cell[x][y + 1], beside_y = cell[x + 1][y], both = cell[x][y];
    const auto with_lower = [](uint32_t cells) { return cells | cells << 1; };  // the cell at z - 1 has the edge too
    const uint32_t along_x = (own ^ n[x + 2][y + 1]) & with_lower(here | beside_y);
    const uint32_t along_y = (own ^ n[x + 1][y + 2]) & with_lower(here | beside_x);
    const uint32_t along_z = (own ^ own >> 1) & (here | beside_x | beside_y | both);
    const auto inner = [](uint32_t row) { return row >> 1 & 255u; };
    return inner(along_x) | inner(along_y) << 8 | inner(along_z) << 16;
}

template <class Body>
void for_each_bit(uint32_t bits, const Body& body) {
    for (; bits; bits &= bits - 1) body(static_cast<int64_t>(__builtin_ctz(bits)));
}

// The mean over pictures of each of the sums of a voxel.
struct Voxel {
    float distance, rgb[3];
};

Voxel mean_of(const float* sums, int64_t voxel) {
    const float views = sums[kVoxels + voxel];
    Voxel mean{sums[voxel] / views, {}};
    for (int64_t c = 0; c < 3; ++c) mean.rgb[c] = sums[(2 + c) * kVoxels + voxel] / views;
    return mean;
}

// A voxel given by place relative to a block, each coordinate 0 to 8.
struct Address {
    int64_t block, x, y, z;

    int64_t row() const { return x * kBlock + y; }
};

Address resolve(const Blocks& all, int64_t b, int64_t x, int64_t y, int64_t z) {
    const bool outside = x >= kBlock || y >= kBlock || z >= kBlock;
    const int64_t block = outside ? all.beside(b, side(x), side(y), side(z)) : b;
    return {block, x & (kBlock - 1), y & (kBlock - 1), z & (kBlock - 1)};
}

}  // namespace
}  // namespace scene3d

using namespace scene3d;

// First pass. faces_of_case (256). Written per block: negative, seen and cell, bits of z by row (x, y); edge, bits of
// crossed_edges by row; before, the vertices of the rows before each; the numbers of vertices and of faces.
SCENE3D_API int64_t scene3d_surface_count(const float* sums, const int32_t* neighbour, int64_t blocks, float least,
                                          const int32_t* faces_of_case, uint8_t* negative, uint8_t* seen,
                                          uint8_t* cell, int32_t* edge, int32_t* before, int64_t* vertices,
                                          int64_t* faces) {
    const Blocks all{neighbour, blocks};
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; ++b)
        classify(sums + b * kSums * kVoxels, least, negative + b * kPlane, seen + b * kPlane);
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; ++b) {
        const Rows behind = with_surroundings(all, b, negative);
        uint32_t cells[kCells][kCells];
        find_cells(behind, with_surroundings(all, b, seen), cells);
        int64_t face_count = 0;
        int32_t vertex_count = 0;
        for (int64_t row = 0; row < kPlane; ++row) {
            const int64_t x = row / kBlock, y = row % kBlock, at = b * kPlane + row;
            cell[at] = static_cast<uint8_t>(cells[x + 1][y + 1] >> 1);
            for_each_bit(cell[at], [&](int64_t z) { face_count += faces_of_case[case_of(behind, x, y, z)]; });
            edge[at] = static_cast<int32_t>(crossed_edges(behind, cells, x, y));
            before[at] = vertex_count;
            vertex_count += __builtin_popcount(static_cast<uint32_t>(edge[at]));
        }
        vertices[b] = vertex_count;
        faces[b] = face_count;
    }
    return 0;
}

// Second pass, over blocks at lattice place block (blocks, 3). first_vertex and first_face: where each block's begin.
// triangle (256, most, 3): edges of each case, 4 * axis + the other two coordinates of the edge's lower end. Vertices
// are ordered by block, row, axis and z, faces by block, cell and place in the table.
SCENE3D_API int64_t scene3d_surface_fill(const float* sums, const int32_t* neighbour, int64_t blocks,
                                         const int32_t* block, float voxel_m, const int32_t* faces_of_case,
                                         const int32_t* triangle, int64_t most, const uint8_t* negative,
                                         const uint8_t* cell, const int32_t* edge, const int32_t* before,
                                         const int64_t* first_vertex, const int64_t* first_face, float* xyz,
                                         float* rgb, int32_t* face) {
    const Blocks all{neighbour, blocks};
    const auto add_vertex = [&](int64_t b, int64_t x, int64_t y, int64_t z, int64_t axis, int64_t vertex) {
        const Address end = resolve(all, b, x + (axis == 0), y + (axis == 1), z + (axis == 2));
        const Voxel low = mean_of(sums + b * kSums * kVoxels, (x * kBlock + y) * kBlock + z);
        const Voxel high = mean_of(sums + end.block * kSums * kVoxels, end.row() * kBlock + end.z);
        const float share = -low.distance / (high.distance - low.distance);
        const int64_t inner[3] = {x, y, z};
        for (int64_t i = 0; i < 3; ++i) {
            const float lattice = static_cast<float>(block[b * 3 + i] * kBlock + inner[i]);
            xyz[vertex * 3 + i] = (i == axis ? lattice + share : lattice) * voxel_m;
            rgb[vertex * 3 + i] = (1.0f - share) * low.rgb[i] + share * high.rgb[i];
        }
    };
    const auto vertex_at = [&](int64_t b, int64_t x, int64_t y, int64_t z, int32_t of_cell) {
        const int64_t axis = of_cell >> 2, first = of_cell >> 1 & 1, second = of_cell & 1;
        const Address low = resolve(all, b, x + (axis == 0 ? 0 : first),
                                    y + (axis == 0 ? first : axis == 1 ? 0 : second), z + (axis == 2 ? 0 : second));
        const int64_t row = low.block * kPlane + low.row();
        const uint32_t earlier = static_cast<uint32_t>(edge[row]) & ((1u << (8 * axis + low.z)) - 1);
        return static_cast<int32_t>(first_vertex[low.block] + before[row] + __builtin_popcount(earlier));
    };
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t b = 0; b < blocks; ++b) {
        int64_t vertex = first_vertex[b], next = first_face[b];
        const Rows behind = with_surroundings(all, b, negative);
        for (int64_t row = 0; row < kPlane; ++row) {
            const int64_t x = row / kBlock, y = row % kBlock;
            for_each_bit(static_cast<uint32_t>(edge[b * kPlane + row]),
                         [&](int64_t bit) { add_vertex(b, x, y, bit % 8, bit / 8, vertex++); });
            for_each_bit(cell[b * kPlane + row], [&](int64_t z) {
                const uint32_t corners = case_of(behind, x, y, z);
                for (int64_t i = 0; i < faces_of_case[corners] * 3; ++i)
                    face[next * 3 + i] = vertex_at(b, x, y, z, triangle[corners * most * 3 + i]);
                next += faces_of_case[corners];
            });
        }
    }
    return 0;
}
