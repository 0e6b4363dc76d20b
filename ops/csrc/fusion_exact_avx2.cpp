// The fusion of fusion_body.h for AVX2.
#include "fusion_body.h"

#if defined(__x86_64__)
namespace scene3d {
const FusionBody fusion_avx2 = kBody;
}  // namespace scene3d
#endif
