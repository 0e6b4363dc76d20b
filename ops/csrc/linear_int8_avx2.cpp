// The int8 linear layers of linear_int8_body.h for AVX2 with FMA.
#include "linear_int8_body.h"

#if defined(__x86_64__)
namespace scene3d {
const LinearInt8Bodies linear_int8_avx2 = kLinearInt8Bodies;
}  // namespace scene3d
#endif
