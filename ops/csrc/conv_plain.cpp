// The sparse convolution of conv_body.h for plain C++: SSE2 or NEON, whatever every processor of this kind has.
#include "conv_body.h"

namespace scene3d {
const ConvBodies conv_plain = kBodies;
}  // namespace scene3d
