// The int8 linear layers of linear_int8_body.h for plain C++: SSE2 or NEON, whatever every processor of this kind has.
#include "linear_int8_body.h"

namespace scene3d {
const LinearInt8Bodies linear_int8_plain = kLinearInt8Bodies;
}  // namespace scene3d
