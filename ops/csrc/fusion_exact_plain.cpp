// The fusion of fusion_body.h for plain C++: SSE2 or NEON, whatever every processor of this kind has.
#include "fusion_body.h"

namespace scene3d {
const FusionBody fusion_plain = kBody;
}  // namespace scene3d
