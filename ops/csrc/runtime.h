// Shared by every kernel file: how a function is exported and which instruction set this machine has.
#pragma once
#include <cstdint>

#define SCENE3D_API extern "C" __attribute__((visibility("default")))

namespace scene3d {

enum class Isa { plain, avx2, avx512, avx512bf16 };

// Found once, at the first call. A kernel with several bodies switches on it.
Isa isa();

}  // namespace scene3d
