// Which voxels neighbour which, on sorted keys. A key packs batch, x, y, z from high to low, `bits` per axis, each
// coordinate raised by a margin: a step of up to the margin changes no other field, so neighbours never wrap around
// the lattice nor cross into another batch.
#include <algorithm>
#include <cstdint>
#include <limits>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "runtime.h"

namespace {

int64_t thread_count() {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

// For the rows first … last - 1 and one column (dx, dy) of the kernel: the `size` neighbours along z are consecutive
// keys, and from row to row the place where they begin only moves forward, so a merge finds them all.
template <int64_t Size>
void merge_column(const int64_t* key, int64_t v, int64_t first, int64_t last, int64_t lowest, int32_t* table) {
    int64_t begin = std::lower_bound(key, key + v, key[first] + lowest) - key;
    for (int64_t i = first; i < last; ++i) {
        const int64_t wanted = key[i] + lowest;
        while (begin < v && key[begin] < wanted) ++begin;
        int64_t at = begin;
        for (int64_t d = 0; d < Size; ++d) {
            const bool found = at < v && key[at] == wanted + d;
            table[d * v + i] = found ? static_cast<int32_t>(at) : -1;
            at += found;
        }
    }
}

template <int64_t Size>
void subm_table(const int64_t* key, int64_t v, int64_t bits, int32_t* table) {
    const int64_t parts = std::min(thread_count(), v), radius = Size / 2;
#pragma omp parallel for schedule(static) collapse(2)
    for (int64_t part = 0; part < parts; ++part)
        for (int64_t column = 0; column < Size * Size; ++column) {
            const int64_t dx = column / Size - radius, dy = column % Size - radius;
            const int64_t lowest = dx * (int64_t{1} << (2 * bits)) + dy * (int64_t{1} << bits) - radius;
            merge_column<Size>(key, v, v * part / parts, v * (part + 1) / parts, lowest, table + column * Size * v);
        }
}

}  // namespace

// Keys of voxels (v, 4) = batch, x, y, z. Returns the first row that is out of range or not above the row before it,
// or -1 where there is none; coordinates lie in 0 … limit - 1 and batches in 0 … batches - 1.
SCENE3D_API int64_t scene3d_sorted_keys(const int32_t* index, int64_t v, int64_t bits, int64_t margin, int64_t limit,
                                        int64_t batches, int64_t* key) {
    for (int64_t i = 0; i < v; ++i) {
        const int64_t b = index[i * 4], x = index[i * 4 + 1], y = index[i * 4 + 2], z = index[i * 4 + 3];
        const int64_t low = std::min(std::min(b, x), std::min(y, z)), high = std::max(x, std::max(y, z));
        if (low < 0 || high >= limit || b >= batches) return i;
        key[i] = (b << (3 * bits)) | ((x + margin) << (2 * bits)) | ((y + margin) << bits) | (z + margin);
        if (i > 0 && key[i] <= key[i - 1]) return i;
    }
    return -1;
}

// Submanifold table (size³, v) of sorted unique keys, size 3 or 5; offsets ordered with z fastest, -1 = none.
SCENE3D_API int64_t scene3d_subm_table(const int64_t* key, int64_t v, int64_t size, int64_t bits, int32_t* table) {
    if (size == 3) subm_table<3>(key, v, bits, table);
    else subm_table<5>(key, v, bits, table);
    return 0;
}

// Parents of sorted unique keys on the lattice of twice the step: their keys in order, and the parent of each voxel.
// Voxels that agree in the parity of x and y are in the order of their parents already, so four sorted runs are
// merged. `run` is scratch for 4 * v numbers. Returns the number of parents.
SCENE3D_API int64_t scene3d_coarsen(const int64_t* key, int64_t v, int64_t bits, int64_t margin, int64_t* parent_key,
                                    int32_t* parent, int32_t* run) {
    const int64_t mask = (int64_t{1} << bits) - 1;
    const auto halved = [=](int64_t field) { return ((field - margin) >> 1) + margin; };
    const auto parent_of = [=](int64_t k) {
        const int64_t x = halved((k >> (2 * bits)) & mask), y = halved((k >> bits) & mask), z = halved(k & mask);
        return (k >> (3 * bits) << (3 * bits)) | (x << (2 * bits)) | (y << bits) | z;
    };
    int64_t length[4] = {}, at[4] = {}, next[4];
    for (int64_t i = 0; i < v; ++i) {
        const int64_t parity = ((key[i] >> (2 * bits)) & 1) * 2 + ((key[i] >> bits) & 1);
        run[parity * v + length[parity]++] = static_cast<int32_t>(i);
    }
    const auto head = [&](int r) {
        return at[r] < length[r] ? parent_of(key[run[r * v + at[r]]]) : std::numeric_limits<int64_t>::max();
    };
    for (int r = 0; r < 4; ++r) next[r] = head(r);
    int64_t parents = 0;
    for (int64_t done = 0; done < v; ++parents) {
        const int64_t smallest = std::min(std::min(next[0], next[1]), std::min(next[2], next[3]));
        parent_key[parents] = smallest;
        for (int r = 0; r < 4; ++r)
            for (; next[r] == smallest; next[r] = head(r), ++done)
                parent[run[r * v + at[r]++]] = static_cast<int32_t>(parents);
    }
    return parents;
}

// Tables of the k2s2 convolution: down (8, m) from parents to children, inverse (8, v) back; both start as -1.
SCENE3D_API int64_t scene3d_stride_tables(const int64_t* key, const int32_t* parent, int64_t v, int64_t m,
                                          int64_t bits, int32_t* down, int32_t* inverse) {
    for (int64_t i = 0; i < v; ++i) {
        const int64_t octant = ((key[i] >> (2 * bits)) & 1) * 4 + ((key[i] >> bits) & 1) * 2 + (key[i] & 1);
        down[octant * m + parent[i]] = static_cast<int32_t>(i);
        inverse[octant * v + i] = parent[i];
    }
    return 0;
}
