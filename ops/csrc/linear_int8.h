// Linear layers with int8 weights, the contract between the driver and its bodies. The driver (linear_int8.cpp) owns
// memory, threads and the choice of body; a body (linear_int8_<isa>.cpp) owns the arithmetic and allocates nothing.
#pragma once
#include <cstdint>

namespace scene3d {

constexpr int64_t kPanel = 16;     // outputs whose weights lie together
constexpr int64_t kQuad = 4;       // inputs that one instruction multiplies and adds
constexpr int64_t kBlock = 32;     // inputs that share a scale when states are rounded to int8
constexpr int64_t kMostRows = 4;   // rows and panels of the largest tile, whose sums fill the registers
constexpr int64_t kMostPanels = 3;

// What is done to states before they are multiplied.
enum Before : int64_t {
    kNothing = 0,
    kNorm = 1,  // scale to root mean square 1, then by a weight per input
    kGate = 2,  // a row holds gates, then values: silu(gate) · value
};

struct LinearInt8 {
    const float* x;         // (n, ci), or (n, 2 · ci) for kGate
    const float* norm;      // (ci) for kNorm
    const uint8_t* weight;  // (panels, quads, kPanel, kQuad), 128 added, zeros (128) as padding
    const float* scale;     // (co)
    const float* bias;      // (co) or null
    const float* residual;  // (n, co) or null: added to the result
    float* out;             // (n, co)
    int64_t n, ci, co, before;
    float epsilon;
    // States rounded to int8, by `round_row`: (n, blocks · kBlock), and per block their scale and -128 · their sum.
    int8_t* rounded;
    float* block_scale;
    int32_t* block_offset;

    int64_t blocks() const { return (ci + kBlock - 1) / kBlock; }
    int64_t panels() const { return (co + kPanel - 1) / kPanel; }
};

struct LinearInt8Bodies {
    // Prepares and rounds one row; scratch holds blocks · kBlock floats.
    void (*round_row)(const LinearInt8& problem, int64_t row, float* scratch);
    // All rows of `panels` panels from `first` on, 1 <= panels <= kMostPanels.
    void (*multiply)(const LinearInt8& problem, int64_t first, int64_t panels);
};

extern const LinearInt8Bodies linear_int8_plain;
#if defined(__x86_64__)
extern const LinearInt8Bodies linear_int8_avx2;
extern const LinearInt8Bodies linear_int8_avx512vnni;
#endif

}  // namespace scene3d
