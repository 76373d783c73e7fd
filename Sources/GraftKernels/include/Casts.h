// Casts between floating-point types, element by element, to nearest with ties to even. A NaN stays one: its sign is kept, its
// payload becomes the quiet bit alone. What is too large becomes infinity. Pointers need no alignment; source and target
// do not overlap.
#pragma once

#include <stddef.h>

#pragma clang assume_nonnull begin

void graft_cast_f32_to_bf16(const void *source, void *target, size_t count);
void graft_cast_f32_to_f16(const void *source, void *target, size_t count);
void graft_cast_bf16_to_f32(const void *source, void *target, size_t count);
void graft_cast_f16_to_f32(const void *source, void *target, size_t count);
void graft_cast_f64_to_f32(const void *source, void *target, size_t count);
void graft_cast_f32_to_f64(const void *source, void *target, size_t count);

#pragma clang assume_nonnull end
