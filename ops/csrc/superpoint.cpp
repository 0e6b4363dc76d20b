// Over-segmentation of a weighted graph: Kruskal's order with Felzenszwalb's rule for stopping.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "runtime.h"

namespace {

constexpr int kRadixBits = 11;

struct Edge {
    float weight;
    int32_t low, high;  // low < high
};

// Floats as integers that sort alike: the sign bit is flipped, and all others too below zero.
uint32_t as_key(float weight) {
    uint32_t bits;
    std::memcpy(&bits, &weight, sizeof bits);
    return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}

bool earlier_ends(const Edge& a, const Edge& b) { return a.low != b.low ? a.low < b.low : a.high < b.high; }

// One stable pass of a radix sort: by 11 bits of the weight, least significant first.
void pass(const std::vector<Edge>& from, std::vector<Edge>& to, int shift) {
    std::vector<int64_t> start((1 << kRadixBits) + 1, 0);
    const auto digit = [=](const Edge& e) { return (as_key(e.weight) >> shift) & ((1 << kRadixBits) - 1); };
    for (const Edge& e : from) ++start[digit(e) + 1];
    std::partial_sum(start.begin(), start.end(), start.begin());
    for (const Edge& e : from) to[start[digit(e)]++] = e;
}

class Segments {
public:
    Segments(int64_t count, float threshold)
        : parent_(count), size_(count, 1), limit_(count, threshold), threshold_(threshold) {
        std::iota(parent_.begin(), parent_.end(), 0);
    }

    int32_t find(int32_t point) {
        while (parent_[point] != point) point = parent_[point] = parent_[parent_[point]];
        return point;
    }

    int32_t size(int32_t root) const { return size_[root]; }

    bool accepts(int32_t root, float weight) const { return weight <= limit_[root]; }

    // Joins two roots by an edge no lighter than any inside them.
    void join(int32_t a, int32_t b, float weight) {
        if (size_[a] < size_[b]) std::swap(a, b);
        parent_[b] = a;
        size_[a] += size_[b];
        limit_[a] = weight + threshold_ / static_cast<float>(size_[a]);
    }

private:
    std::vector<int32_t> parent_, size_;
    std::vector<float> limit_;  // heaviest edge that a segment still lets in, per root
    float threshold_;
};

// By weight, ties by end points: the order in which edges arrive cannot matter.
std::vector<Edge> sorted_edges(const int64_t* edge, const float* weight, int64_t edges) {
    std::vector<Edge> sorted(edges), scratch(edges);
    for (int64_t e = 0; e < edges; ++e) {
        const auto [low, high] = std::minmax(edge[2 * e], edge[2 * e + 1]);
        sorted[e] = {weight[e] + 0.0f, static_cast<int32_t>(low), static_cast<int32_t>(high)};  // -0 becomes 0
    }
    for (int shift = 0; shift < 32; shift += kRadixBits) {
        pass(sorted, scratch, shift);
        sorted.swap(scratch);
    }
    for (auto tie = sorted.begin(); tie != sorted.end();) {
        auto end = tie + 1;
        while (end != sorted.end() && end->weight == tie->weight) ++end;
        if (end - tie > 1) std::sort(tie, end, earlier_ends);
        tie = end;
    }
    return sorted;
}

}  // namespace

// edge (edges, 2), weight (edges), label (count), written: 0 … s-1 numbered by first point. Returns s.
SCENE3D_API int64_t scene3d_over_segment_graph(const int64_t* edge, const float* weight, int64_t edges, int64_t count,
                                               float threshold, int64_t min_size, int64_t* label) {
    const std::vector<Edge> sorted = sorted_edges(edge, weight, edges);
    Segments segments(count, threshold);
    for (const Edge& e : sorted) {
        const int32_t a = segments.find(e.low), b = segments.find(e.high);
        if (a != b && segments.accepts(a, e.weight) && segments.accepts(b, e.weight)) segments.join(a, b, e.weight);
    }
    for (const Edge& e : sorted) {
        const int32_t a = segments.find(e.low), b = segments.find(e.high);
        if (a != b && std::min(segments.size(a), segments.size(b)) < min_size) segments.join(a, b, e.weight);
    }
    std::vector<int64_t> number(count, -1);
    int64_t found = 0;
    for (int64_t point = 0; point < count; ++point) {
        int64_t& own = number[segments.find(static_cast<int32_t>(point))];
        if (own < 0) own = found++;
        label[point] = own;
    }
    return found;
}
