// Sparse convolution, the driver: packs and pads operands, shares rows out to threads, and picks the body for this
// machine. Equal inputs and thread counts give equal bits: a row's sum never depends on who computed it, and partial
// weight gradients are added in the order of their rows.
#include "conv.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "runtime.h"

namespace scene3d {
namespace {

const ConvBodies& bodies() {
#if defined(__x86_64__)
    switch (isa()) {
        case Isa::avx512bf16: return conv_avx512bf16;
        case Isa::avx512: return conv_avx512;
        case Isa::avx2: return conv_avx2;
        default: break;
    }
#endif
    return conv_plain;
}

int64_t thread_count() {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

int64_t this_thread() {
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

int64_t quotient_up(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

int64_t whole_vectors(int64_t co) { return quotient_up(co, kColumns) * kColumns; }

// Rows of `width` elements laid out anew as rows of `padded`, zero at their ends.
template <class Element>
std::vector<Element> padded_rows(const Element* from, int64_t rows, int64_t width, int64_t padded) {
    std::vector<Element> to(static_cast<size_t>(rows * padded));
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rows; ++i) std::copy_n(from + i * width, width, to.data() + i * padded);
    return to;
}

// Weights (offsets, ci, co) as pairs of channels, (offsets, ci / 2, columns, 2): an odd last channel meets a zero.
std::vector<uint16_t> paired_channels(const uint16_t* weight, int64_t offsets, int64_t ci, int64_t co) {
    const int64_t columns = whole_vectors(co), pairs = (ci + 1) / 2;
    std::vector<uint16_t> packed(static_cast<size_t>(offsets * pairs * columns * 2));
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < offsets * ci; ++row) {
        const int64_t k = row / ci, c = row % ci;
        uint16_t* to = packed.data() + (k * pairs + c / 2) * columns * 2 + c % 2;
        for (int64_t o = 0; o < co; ++o) to[o * 2] = weight[row * co + o];
    }
    return packed;
}

// Memory of a calling thread, kept from call to call: the kernel of the system clears new pages, which takes as long as
// the products of a deep layer. One for each use; contents are undefined.
enum Use { kSums, kWeights };

template <Use>
float* kept_scratch(int64_t size) {
    thread_local std::unique_ptr<float[]> memory;
    thread_local int64_t capacity = 0;
    if (size > capacity) {
        memory.reset();  // before the new is asked for; if that fails, nothing is kept
        capacity = 0;
        memory.reset(new float[static_cast<size_t>(size)]);
        capacity = size;
    }
    return memory.get();
}

// Weights (offsets, ci, co) as those of the way back, (offsets, co, columns of ci), the last offset first if `mirrored`.
void transpose_weights(const float* weight, int64_t offsets, int64_t ci, int64_t co, bool mirrored, float* packed) {
    constexpr int64_t kSide = kColumns;
    const int64_t columns = whole_vectors(ci);
#pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < offsets; ++k) {
        const float* from = weight + (mirrored ? offsets - 1 - k : k) * ci * co;
        float* to = packed + k * co * columns;
        float tile[kSide][kSide] = {};  // a square at a time, so that whole lines are read and written
        for (int64_t c0 = 0; c0 < ci; c0 += kSide)
            for (int64_t o0 = 0; o0 < co; o0 += kSide) {
                const int64_t height = std::min(kSide, ci - c0), width = std::min(kSide, co - o0);
                for (int64_t c = 0; c < kSide; ++c)
                    for (int64_t o = 0; o < width; ++o)
                        tile[o][c] = c < height ? from[(c0 + c) * co + o0 + o] : 0.0f;
                for (int64_t o = 0; o < width; ++o) std::copy_n(tile[o], kSide, to + (o0 + o) * columns + c0);
            }
    }
}

using ForwardBody = void (*)(const Forward&, int64_t, int64_t, float*);

void run_forward(const Forward& problem, ForwardBody body) {
    const int64_t threads = thread_count();
    // As many blocks for each thread as for the others, and as few as fit: each reads all weights anew, which is what
    // small lattices spend their time on. The block size does not change the result.
    const int64_t turns = std::max<int64_t>(1, quotient_up(problem.rows, threads * kForwardRows));
    const int64_t block = std::max<int64_t>(1, quotient_up(problem.rows, threads * turns));
    float* scratch = kept_scratch<kSums>(threads * (block + 1) * problem.columns);
#pragma omp parallel for schedule(dynamic)
    for (int64_t first = 0; first < problem.rows; first += block) {
        float* mine = scratch + this_thread() * (block + 1) * problem.columns;
        body(problem, first, std::min(block, problem.rows - first), mine);
    }
}

}  // namespace
}  // namespace scene3d

using namespace scene3d;

// x (v, ci), weight (offsets, ci, co), table (offsets, rows) -> out (rows, co).
SCENE3D_API int64_t scene3d_conv_forward_f32(const float* x, const float* weight, const int32_t* table, float* out,
                                             int64_t rows, int64_t offsets, int64_t ci, int64_t co) {
    const int64_t columns = whole_vectors(co);
    std::vector<float> padded;
    if (columns != co) padded = padded_rows(weight, offsets * ci, co, columns);
    const float* whole = columns == co ? weight : padded.data();
    run_forward({x, whole, table, out, rows, offsets, ci, co, columns}, bodies().forward_f32);
    return 0;
}

// gradient (rows of out, co), weight (offsets, ci, co), table (offsets, rows) -> feature_gradient (rows, ci). The table is
// that of the way back; `mirrored` tells that it is the forward table, whose offsets then count from the other end.
SCENE3D_API int64_t scene3d_conv_feature_gradient(const float* gradient, const float* weight, const int32_t* table,
                                                  float* feature_gradient, int64_t rows, int64_t offsets, int64_t ci,
                                                  int64_t co, int64_t mirrored) {
    float* back = kept_scratch<kWeights>(offsets * co * whole_vectors(ci));
    transpose_weights(weight, offsets, ci, co, mirrored != 0, back);
    run_forward({gradient, back, table, feature_gradient, rows, offsets, co, ci, whole_vectors(ci)},
                bodies().forward_f32);
    return 0;
}

// The same as the first for bfloat16 x, weight and out, summed in float. `v` is the number of rows of x.
SCENE3D_API int64_t scene3d_conv_forward_bf16(const uint16_t* x, const uint16_t* weight, const int32_t* table,
                                              uint16_t* out, int64_t v, int64_t rows, int64_t offsets, int64_t ci,
                                              int64_t co) {
    const int64_t even = ci + ci % 2;
    std::vector<uint16_t> padded;
    if (even != ci) padded = padded_rows(x, v, ci, even);
    const std::vector<uint16_t> packed = paired_channels(weight, offsets, ci, co);
    const uint16_t* whole = even == ci ? x : padded.data();
    run_forward({whole, packed.data(), table, out, rows, offsets, even, co, whole_vectors(co)},
                bodies().forward_bf16);
    return 0;
}

// x (v, ci), gradient (rows, co), table (offsets, rows) -> weight_gradient (offsets, ci, co).
SCENE3D_API int64_t scene3d_conv_weight_gradient(const float* x, const float* gradient, const int32_t* table,
                                                 float* weight_gradient, int64_t rows, int64_t offsets, int64_t ci,
                                                 int64_t co) {
    const int64_t columns = whole_vectors(co), size = offsets * ci * columns;
    std::vector<float> padded;
    if (columns != co) padded = padded_rows(gradient, rows, co, columns);
    const float* whole = columns == co ? gradient : padded.data();
    const WeightGradient problem{x, whole, table, rows, offsets, ci, columns};
    // Threads share out the rows of a large lattice and add up their sums; those of a small one, whose rows stay in the
    // cache anyway, share out the offsets, since there the adding up would take longer than the products.
    const bool by_offset = rows <= kGradientByOffset;
    const int64_t parts = by_offset ? 1 : thread_count();
    const int64_t tasks = by_offset ? offsets : parts;
    // The first part is summed in the answer itself, where that has no padding: new memory costs as much as the sums.
    const bool in_place = columns == co;
    float* sums = kept_scratch<kSums>((parts - in_place) * size);
    const auto part_sum = [&](int64_t part) {
        return in_place && part == 0 ? weight_gradient : sums + (part - in_place) * size;
    };
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t task = 0; task < tasks; ++task) {
        WeightGradient mine = problem;
        float* sum = part_sum(by_offset ? 0 : task);
        int64_t first = 0, last = rows;
        if (by_offset) {
            mine.table += task * rows;
            mine.offsets = 1;
            sum += task * ci * columns;
        } else {
            first = rows * task / parts;
            last = rows * (task + 1) / parts;
        }
        std::fill_n(sum, mine.offsets * ci * columns, 0.0f);
        for (; first < last; first += kGradientRows)
            bodies().weight_gradient(mine, first, std::min(kGradientRows, last - first), sum);
    }
    if (in_place && parts == 1) return 0;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < offsets * ci; ++row)
        for (int64_t o = 0; o < co; ++o) {
            float sum = 0;
            for (int64_t part = 0; part < parts; ++part) sum += part_sum(part)[row * columns + o];
            weight_gradient[row * co + o] = sum;
        }
    return 0;
}
