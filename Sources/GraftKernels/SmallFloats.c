#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "CastLoops.h"
#include "Casts.h"

// A layout as constants: the loops below are made once for each, and fold them.
typedef struct {
    uint32_t mantissa, bias;
    uint32_t sign;       // The sign bit.
    uint32_t largest;    // The code of the largest finite value.
    uint32_t overflow;   // What is too large.
    uint32_t nan;        // What a NaN becomes, sign aside.
    bool has_nan;        // Else a NaN has no sign either.
    bool negative_zero;  // Whether there is one.
} Layout;

#define E4M3 ((Layout){3, 7, 0x80, 0x7E, 0x7F, 0x7F, true, true})
#define E5M2 ((Layout){2, 15, 0x80, 0x7B, 0x7C, 0x7E, true, true})
#define E4M3FNUZ ((Layout){3, 8, 0x80, 0x7F, 0x80, 0x80, true, false})
#define E5M2FNUZ ((Layout){2, 16, 0x80, 0x7F, 0x80, 0x80, true, false})
#define E2M3 ((Layout){3, 1, 0x20, 0x1F, 0x1F, 0, false, true})
#define E3M2 ((Layout){2, 3, 0x20, 0x1F, 0x1F, 0, false, true})
#define E2M1 ((Layout){1, 1, 0x08, 0x07, 0x07, 0, false, true})

static inline __attribute__((always_inline)) uint8_t encode(uint32_t bits, Layout layout) {
    const uint32_t magnitude = bits & 0x7FFFFFFFu, dropped = 23 - layout.mantissa;
    const bool is_nan = magnitude > 0x7F800000u;
    const uint32_t half = (1u << (dropped - 1)) - 1;
    const uint32_t normal = ((magnitude + half + ((magnitude >> dropped) & 1)) >> dropped)
        - ((127 - layout.bias) << layout.mantissa);
    // Below the smallest normal number: next to this power of two a float steps as the subnormal codes do.
    const uint32_t step = (127 + 24 - layout.bias - layout.mantissa) << 23;
    const uint32_t subnormal = bits_of(float_of(magnitude) + float_of(step)) - step;
    uint32_t code = magnitude < ((128 - layout.bias) << 23) ? subnormal : normal;
    code = code > layout.largest ? layout.overflow : code;
    code = is_nan ? layout.nan : code;
    uint32_t sign = bits >> 31 ? layout.sign : 0;
    sign = (is_nan && !layout.has_nan) || (code == 0 && !layout.negative_zero) ? 0 : sign;
    return (uint8_t)(code | sign);
}

static inline __attribute__((always_inline)) uint32_t decode(uint32_t code, Layout layout) {
    const uint32_t magnitude = code & (layout.sign - 1);
    const uint32_t sign = code & layout.sign ? 0x80000000u : 0;
    // Read with the wrong exponent; the product mends it, subnormal codes included.
    const float value = float_of(magnitude << (23 - layout.mantissa)) * float_of((254 - layout.bias) << 23);
    uint32_t bits = bits_of(value) | sign;
    if (!layout.has_nan) return bits;
    if (!layout.negative_zero) return code == layout.sign ? 0x7FC00000u : bits;
    bits = magnitude > layout.largest ? 0x7FC00000u | sign : bits;
    // In e5m2 the code after the largest is infinity.
    return layout.overflow != layout.nan && magnitude == layout.overflow ? 0x7F800000u | sign : bits;
}

// A power of two without sign; halfway between two of them, at 1.5, is the upper one, and what is too large is NaN, as
// PyTorch rounds them.
static inline uint8_t encode_e8m0(uint32_t bits) {
    uint32_t code = (bits + 0x400000u) >> 23;
    code = bits < 0x800000u ? bits >= 0x600000u : code;  // 2^-127 is a subnormal float.
    return (uint8_t)(bits - 1 >= 0x7F7FFFFFu ? 255 : code);  // Zero, negative, infinite and NaN alike.
}

static inline uint32_t decode_e8m0(uint32_t code) {
    const uint32_t bits = code == 0 ? 0x400000u : code << 23;
    return code == 255 ? 0x7FC00000u : bits;
}

#define ENCODE(expression) for (size_t i = 0; i < count; i++) codes[i] = expression; break
#define DECODE(expression) for (size_t i = 0; i < count; i++) to[i].bits = expression; break

EACH_INSTRUCTION_SET
void graft_cast_f32_to_small(graft_small_float type, const void *source, uint8_t *restrict codes, size_t count) {
    const Packed32 *restrict from = source;
    switch (type) {
        case GRAFT_F8E4M3: ENCODE(encode(from[i].bits, E4M3));
        case GRAFT_F8E5M2: ENCODE(encode(from[i].bits, E5M2));
        case GRAFT_F8E4M3FNUZ: ENCODE(encode(from[i].bits, E4M3FNUZ));
        case GRAFT_F8E5M2FNUZ: ENCODE(encode(from[i].bits, E5M2FNUZ));
        case GRAFT_F8E8M0: ENCODE(encode_e8m0(from[i].bits));
        case GRAFT_F6E2M3: ENCODE(encode(from[i].bits, E2M3));
        case GRAFT_F6E3M2: ENCODE(encode(from[i].bits, E3M2));
        case GRAFT_F4: ENCODE(encode(from[i].bits, E2M1));
    }
}

EACH_INSTRUCTION_SET
void graft_cast_small_to_f32(graft_small_float type, const uint8_t *restrict codes, void *target, size_t count) {
    Packed32 *restrict to = target;
    switch (type) {
        case GRAFT_F8E4M3: DECODE(decode(codes[i], E4M3));
        case GRAFT_F8E5M2: DECODE(decode(codes[i], E5M2));
        case GRAFT_F8E4M3FNUZ: DECODE(decode(codes[i], E4M3FNUZ));
        case GRAFT_F8E5M2FNUZ: DECODE(decode(codes[i], E5M2FNUZ));
        case GRAFT_F8E8M0: DECODE(decode_e8m0(codes[i]));
        case GRAFT_F6E2M3: DECODE(decode(codes[i], E2M3));
        case GRAFT_F6E3M2: DECODE(decode(codes[i], E3M2));
        case GRAFT_F4: DECODE(decode(codes[i], E2M1));
    }
}

EACH_INSTRUCTION_SET
void graft_pack_codes(int bits, const uint8_t *restrict codes, uint8_t *restrict packed, size_t count) {
    if (bits == 4) {
        for (size_t i = 0; i < count / 2; i++) packed[i] = (uint8_t)(codes[2 * i] | codes[2 * i + 1] << 4);
        return;
    }
    for (size_t i = 0; i < count / 4; i++) {
        const uint32_t four = codes[4 * i] | (uint32_t)codes[4 * i + 1] << 6 | (uint32_t)codes[4 * i + 2] << 12
            | (uint32_t)codes[4 * i + 3] << 18;
        for (int byte = 0; byte < 3; byte++) packed[3 * i + byte] = (uint8_t)(four >> 8 * byte);
    }
}

EACH_INSTRUCTION_SET
void graft_unpack_codes(int bits, const uint8_t *restrict packed, uint8_t *restrict codes, size_t count) {
    if (bits == 4) {
        for (size_t i = 0; i < count / 2; i++) {
            codes[2 * i] = packed[i] & 15;
            codes[2 * i + 1] = packed[i] >> 4;
        }
        return;
    }
    for (size_t i = 0; i < count / 4; i++) {
        const uint32_t four = packed[3 * i] | (uint32_t)packed[3 * i + 1] << 8 | (uint32_t)packed[3 * i + 2] << 16;
        for (int code = 0; code < 4; code++) codes[4 * i + code] = (uint8_t)(four >> 6 * code & 63);
    }
}

// Comparisons with NaN are false, so `a` says nothing of NaN, and `after` of it is overflow where `before` is none.
#define COUNT(Number, absolute)                                                                      \
    uint32_t overflow = 0, underflow = 0, nan = 0, inexact = 0;                                      \
    for (size_t i = 0; i < count; i++) {                                                             \
        const Number a = from[i].value, b = (Number)after[i];                                        \
        const Number size = absolute(a), result = absolute(b);                                       \
        const bool is_nan = a != a, differs = (a != b) & !is_nan;                                    \
        nan += is_nan;                                                                               \
        inexact += differs;                                                                          \
        overflow += (differs & !(result < (Number)INFINITY)) | (differs & (size >= (Number)saturation)); \
        underflow += differs & (result == 0);                                                        \
    }                                                                                                \
    counts->overflow += overflow;                                                                    \
    counts->underflow += underflow;                                                                  \
    counts->nan += nan;                                                                              \
    counts->inexact += inexact

EACH_INSTRUCTION_SET
void graft_count_f32(
    const void *before, const float *restrict after, size_t count, float saturation, graft_cast_counts *counts) {
    const PackedFloat *restrict from = before;
    COUNT(float, __builtin_fabsf);
}

EACH_INSTRUCTION_SET
void graft_count_f64(
    const void *before, const float *restrict after, size_t count, float saturation, graft_cast_counts *counts) {
    const PackedDouble *restrict from = before;
    COUNT(double, __builtin_fabs);
}
