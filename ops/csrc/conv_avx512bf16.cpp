// The sparse convolution of conv_body.h for AVX-512 with its bfloat16 dot product.
#include "conv_body.h"

#if defined(__x86_64__)
namespace scene3d {
const ConvBodies conv_avx512bf16 = kBodies;
}  // namespace scene3d
#endif
