#include "Casts.h"

#include <stdint.h>

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
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = from[i].bits;
        uint32_t sign = (bits >> 16) & 0x8000u;
        uint32_t magnitude = bits & 0x7FFFFFFFu;
        // From 2^-14 on: round away 13 bits of the mantissa and move the exponent's bias from 127 to 15.
        uint32_t normal = (magnitude + 0xFFFu + ((magnitude >> 13) & 1) - 0x38000000u) >> 13;
        // Below: next to 1/2 a float steps by 2^-24, as a subnormal f16 does, so one addition rounds rightly.
        uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3F000000u;
        uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
        result = magnitude >= 0x477FF000u ? 0x7C00u : result;  // 65520 is the first that rounds to infinity.
        result = magnitude > 0x7F800000u ? 0x7E00u : result;
        to[i].bits = (uint16_t)(sign | result);
    }
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
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = from[i].bits;
        uint32_t sign = (bits & 0x8000u) << 16;
        uint32_t magnitude = (bits & 0x7FFFu) << 13;
        uint32_t normal = magnitude + 0x38000000u;
        // A subnormal is its mantissa times 2^-24: put it behind 2^-14 and take that away again.
        uint32_t subnormal = bits_of(float_of(magnitude + 0x38800000u) - float_of(0x38800000u));
        uint32_t result = magnitude < 0x00800000u ? subnormal : normal;
        result = magnitude >= 0x0F800000u ? magnitude + 0x70000000u : result;
        to[i].bits = sign | result;
    }
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
        // One step back towards zero where rounding went away from it, infinity included; then the last bit tells of the rest.
        bits -= __builtin_fabs(back) > __builtin_fabs(value);
        to[i].bits = bits | (back != value);
    }
}
