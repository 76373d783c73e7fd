#include "Casts.h"

#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "CastLoops.h"

EACH_INSTRUCTION_SET
void graft_cast_f32_to_bf16(const void *source, void *target, size_t count) {
    const Packed32 *restrict from = source;
    Packed16 *restrict to = target;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = from[i].bits;
        uint32_t rounded = bits + 0x7FFFu + ((bits >> 16) & 1);
        // Rounding a NaN could carry into the exponent and give infinity, as cutting one short could.
        uint32_t nan = (bits & 0x80000000u) | 0x7FC00000u;
        to[i].bits = (uint16_t)(((bits & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded) >> 16);
    }
}

EACH_INSTRUCTION_SET
void graft_cast_f32_to_f16(const void *source, void *target, size_t count) {
    const Packed32 *restrict from = source;
    Packed16 *restrict to = target;
    for (size_t i = 0; i < count; i++) to[i].bits = half_of(from[i].bits);
}

EACH_INSTRUCTION_SET
void graft_cast_bf16_to_f32(const void *source, void *target, size_t count) {
    const Packed16 *restrict from = source;
    Packed32 *restrict to = target;
    for (size_t i = 0; i < count; i++) to[i].bits = (uint32_t)from[i].bits << 16;
}

EACH_INSTRUCTION_SET
void graft_cast_f16_to_f32(const void *source, void *target, size_t count) {
    const Packed16 *restrict from = source;
    Packed32 *restrict to = target;
    for (size_t i = 0; i < count; i++) to[i].bits = float_of_half(from[i].bits);
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static size_t widen_f16_avx512(const uint16_t *from, float *to, size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + i))));
    }
    return i;
}
#endif

void graft_widen_f16(graft_isa isa, const void *source, float *target, size_t count) {
    size_t done = 0;
#if defined(__x86_64__)
    if (isa == GRAFT_AVX512) done = widen_f16_avx512(source, target, count);
#endif
    (void)isa;
    graft_cast_f16_to_f32((const uint16_t *)source + done, target + done, count - done);
}

EACH_INSTRUCTION_SET
void graft_cast_f64_to_f32(const void *source, void *target, size_t count) {
    const PackedDouble *restrict from = source;
    PackedFloat *restrict to = target;
    for (size_t i = 0; i < count; i++) to[i].value = (float)from[i].value;
}

EACH_INSTRUCTION_SET
void graft_cast_f32_to_f64(const void *source, void *target, size_t count) {
    const PackedFloat *restrict from = source;
    PackedDouble *restrict to = target;
    for (size_t i = 0; i < count; i++) to[i].value = (double)from[i].value;
}

EACH_INSTRUCTION_SET
void graft_cast_f64_to_f32_odd(const void *source, void *target, size_t count) {
    const PackedDouble *restrict from = source;
    Packed32 *restrict to = target;
    for (size_t i = 0; i < count; i++) {
        double value = from[i].value;
        float nearest = (float)value;
        double back = (double)nearest;
        uint32_t bits = bits_of(nearest);
        // One step back towards zero where rounding went away from it, infinity included; then the last bit tells of
        // the rest.
        bits -= __builtin_fabs(back) > __builtin_fabs(value);
        to[i].bits = bits | (back != value);
    }
}
