// A whole layer of a Llama with int8 weights for new tokens: four products and the attention to a cache in one call.
// Writing one token after another spends as long between small calls as in them.
#include <cstddef>
#include <vector>

#include "runtime.h"

SCENE3D_API int64_t scene3d_linear_int8(const float* x, const float* norm, const uint8_t* weight, const float* scale,
                                        const float* bias, const float* residual, float* out, int64_t n, int64_t ci,
                                        int64_t co, int64_t before, float epsilon);
SCENE3D_API int64_t scene3d_attend_cached(const float* states, const float* cosine, const float* sine, float* keys,
                                          float* values, const uint8_t* real, float* out, const float* prefix_keys,
                                          const float* prefix_values, const uint8_t* prefix_real,
                                          int64_t prefix_capacity, int64_t prefix_length, const int64_t* count,
                                          int64_t b, int64_t queries, int64_t heads, int64_t d, int64_t capacity,
                                          int64_t place);

namespace scene3d {
namespace {

constexpr int64_t kNothing = 0, kNorm = 1, kGate = 2;  // as in linear_int8.h

}  // namespace

// As `_Linear` and `_Layer` in llama_layer.py lay them out.
struct Linear {
    const uint8_t* weight;
    const float *scale, *bias;
    int64_t inputs, outputs;

    void run(const float* x, const float* norm, const float* residual, float* out, int64_t n, int64_t before,
             float epsilon) const {
        scene3d_linear_int8(x, norm, weight, scale, bias, residual, out, n, inputs, outputs, before, epsilon);
    }
};

struct LlamaLayer {
    Linear query_key_value, output, gate_up, down;
    const float *attention_norm, *mlp_norm;
    float epsilon;
};

}  // namespace scene3d

using namespace scene3d;

// `out` (n, width) are the states after the layer; the other arguments are those of the attention.
SCENE3D_API int64_t scene3d_llama_layer(const LlamaLayer* layer, const float* x, const float* cosine, const float* sine,
                                        float* keys, float* values, const uint8_t* real, float* out,
                                        const float* prefix_keys, const float* prefix_values,
                                        const uint8_t* prefix_real, int64_t prefix_capacity, int64_t prefix_length,
                                        const int64_t* count, int64_t n, int64_t b, int64_t queries, int64_t heads,
                                        int64_t d, int64_t capacity, int64_t place) {
    static thread_local std::vector<float> room;
    const LlamaLayer& l = *layer;
    const int64_t wide = l.query_key_value.outputs > l.gate_up.outputs ? l.query_key_value.outputs : l.gate_up.outputs;
    const size_t needed = static_cast<size_t>(n * (wide + l.output.inputs));
    if (room.size() < needed) room.resize(needed);
    float *states = room.data(), *seen = states + n * wide;
    l.query_key_value.run(x, l.attention_norm, nullptr, states, n, kNorm, l.epsilon);
    scene3d_attend_cached(states, cosine, sine, keys, values, real, seen, prefix_keys, prefix_values, prefix_real,
                          prefix_capacity, prefix_length, count, b, queries, heads, d, capacity, place);
    l.output.run(seen, nullptr, x, out, n, kNothing, 0.0f);
    l.gate_up.run(out, l.mlp_norm, nullptr, states, n, kNorm, l.epsilon);
    l.down.run(states, nullptr, out, out, n, kGate, 0.0f);
    return 0;
}
