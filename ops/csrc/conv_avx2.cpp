// The sparse convolution of conv_body.h for AVX2 with FMA.
#include "conv_body.h"

#if defined(__x86_64__)
namespace scene3d {
const ConvBodies conv_avx2 = kBodies;
}  // namespace scene3d
#endif
