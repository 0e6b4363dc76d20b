// The int8 linear layers of linear_int8_body.h for AVX-512 with its int8 dot product.
#include "linear_int8_body.h"

#if defined(__x86_64__)
namespace scene3d {
const LinearInt8Bodies linear_int8_avx512vnni = kLinearInt8Bodies;
}  // namespace scene3d
#endif
