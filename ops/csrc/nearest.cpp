// Exact nearest neighbours by a k-d tree: unlike a grid it does not mind that a depth camera sees near things 100 times
// denser than far ones.
#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "runtime.h"

namespace {

constexpr int64_t kLeafSize = 12;
constexpr uint64_t kFarthest = std::numeric_limits<uint64_t>::max();

struct Point {
    float at[3];
};

// Rounding is monotone, so the same sum over offsets to a box never exceeds that over offsets to a point inside it:
// pruning stays exact, ties included.
float squared(float x, float y, float z) { return (x * x + y * y) + z * z; }

// Distance and index in one integer that sorts by distance, then by index (a float that is not negative sorts as bits).
uint64_t as_key(float squared_distance, int32_t index) {
    uint32_t bits;
    std::memcpy(&bits, &squared_distance, sizeof bits);
    return (static_cast<uint64_t>(bits) << 32) | static_cast<uint32_t>(index);
}

float distance_of(uint64_t key) {
    const uint32_t bits = static_cast<uint32_t>(key >> 32);
    float squared_distance;
    std::memcpy(&squared_distance, &bits, sizeof bits);
    return squared_distance;
}

class Tree {
public:
    Tree(const float* xyz, int64_t count) : order_(count), point_(count) {
        std::iota(order_.begin(), order_.end(), 0);
        if (count) build(reinterpret_cast<const Point*>(xyz), 0, static_cast<int32_t>(count));
        for (int64_t i = 0; i < count; ++i) std::memcpy(&point_[i], xyz + 3 * order_[i], sizeof(Point));
    }

    // Indices of the points, near ones close together.
    const std::vector<int32_t>& order() const { return order_; }

    // The k smallest keys around a query, ascending, into `best`.
    void search(const Point& query, int64_t k, uint64_t* best) const {
        std::fill(best, best + k, kFarthest);
        float offset[3] = {0, 0, 0};
        if (!node_.empty()) descend(0, query, offset, k, best);
    }

private:
    struct Node {
        float split;
        int32_t axis;  // -1: a leaf, which holds the points begin … end-1
        int32_t begin, end;
        int32_t right;  // the left child is the next node
    };

    void build(const Point* source, int32_t begin, int32_t end) {
        const size_t own = node_.size();
        node_.push_back({0, -1, begin, end, 0});
        if (end - begin <= kLeafSize) return;
        const int axis = widest_axis(source, begin, end);
        const int32_t middle = begin + (end - begin) / 2;
        std::nth_element(order_.begin() + begin, order_.begin() + middle, order_.begin() + end,
                         [=](int32_t a, int32_t b) { return source[a].at[axis] < source[b].at[axis]; });
        const float split = source[order_[middle]].at[axis];
        build(source, begin, middle);
        const auto right = static_cast<int32_t>(node_.size());
        build(source, middle, end);
        node_[own] = {split, axis, begin, end, right};
    }

    int widest_axis(const Point* source, int32_t begin, int32_t end) const {
        Point low = source[order_[begin]], high = low;
        for (int32_t i = begin + 1; i < end; ++i) {
            for (int d = 0; d < 3; ++d) {
                low.at[d] = std::min(low.at[d], source[order_[i]].at[d]);
                high.at[d] = std::max(high.at[d], source[order_[i]].at[d]);
            }
        }
        int axis = 0;
        for (int d = 1; d < 3; ++d) {
            if (high.at[d] - low.at[d] > high.at[axis] - low.at[axis]) axis = d;
        }
        return axis;
    }

    // `offset`: how far the query lies outside this node's half-spaces, per axis.
    void descend(int32_t index, const Point& query, float* offset, int64_t k, uint64_t* best) const {
        const Node& node = node_[index];
        if (node.axis < 0) return scan(node, query, k, best);
        const float beyond = query.at[node.axis] - node.split;
        const int32_t left = index + 1;
        descend(beyond < 0 ? left : node.right, query, offset, k, best);
        const float before = offset[node.axis];
        offset[node.axis] = beyond;
        const float bound = squared(offset[0], offset[1], offset[2]);
        if (as_key(bound, 0) <= best[k - 1]) descend(beyond < 0 ? node.right : left, query, offset, k, best);
        offset[node.axis] = before;
    }

    void scan(const Node& node, const Point& query, int64_t k, uint64_t* best) const {
        for (int32_t i = node.begin; i < node.end; ++i) {
            const float* at = point_[i].at;
            const float distance = squared(query.at[0] - at[0], query.at[1] - at[1], query.at[2] - at[2]);
            const uint64_t key = as_key(distance, order_[i]);
            if (key >= best[k - 1]) continue;
            int64_t place = k - 1;
            for (; place > 0 && best[place - 1] > key; --place) best[place] = best[place - 1];
            best[place] = key;
        }
    }

    std::vector<int32_t> order_;
    std::vector<Point> point_;  // in tree order
    std::vector<Node> node_;
};

}  // namespace

// xyz (count, 3), query (queries, 3) or null for the points themselves; index and distance (queries, k), written.
SCENE3D_API int64_t scene3d_knn(const float* xyz, int64_t count, const float* query, int64_t queries, int64_t k,
                                int64_t* index, float* distance) {
    const Tree tree(xyz, count);
#pragma omp parallel
    {
        std::vector<uint64_t> best(k);
#pragma omp for schedule(dynamic, 512)
        for (int64_t i = 0; i < queries; ++i) {
            const int64_t row = query ? i : tree.order()[i];  // the tree's order keeps its pages warm
            Point at;
            std::memcpy(&at, (query ? query : xyz) + 3 * row, sizeof at);
            tree.search(at, k, best.data());
            for (int64_t j = 0; j < k; ++j) {
                index[row * k + j] = static_cast<int64_t>(best[j] & 0xffffffffu);
                distance[row * k + j] = distance_of(best[j]);
            }
        }
    }
    return 0;
}
