#include "Draws.h"

#include <math.h>
#include <string.h>

// A fused multiply-add rounds once where the definition rounds twice, so no processor may use one.
#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__linux__)
#define EACH_INSTRUCTION_SET __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EACH_INSTRUCTION_SET
#endif
#define INLINE static inline __attribute__((always_inline))

enum { LANES = GRAFT_DRAW_GROUP / 4 };

// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, section 3.3.
INLINE void philox(uint32_t c[4], uint32_t k0, uint32_t k1) {
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c[0] * 0xD2511F53u;
        uint64_t b = (uint64_t)c[2] * 0xCD9E8D57u;
        uint32_t c1 = c[1], c3 = c[3];
        c[0] = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c[3] = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

void graft_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    philox(c, key[0], key[1]);
    memcpy(words, c, sizeof c);
}

// The words of one group: word j of counter 64 group + lane at [j][lane].
INLINE void draw_group(uint64_t seed, uint64_t stream, uint64_t group, uint32_t words[4][LANES]) {
    uint32_t low = (uint32_t)(group * LANES);  // A multiple of 64, so adding a lane never carries.
    uint32_t high = (uint32_t)((group * LANES) >> 32);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        uint32_t c[4] = {low + lane, high, (uint32_t)stream, (uint32_t)(stream >> 32)};
        philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
        words[0][lane] = c[0];
        words[1][lane] = c[1];
        words[2][lane] = c[2];
        words[3][lane] = c[3];
    }
}

EACH_INSTRUCTION_SET
void graft_draw_uniform(
    uint64_t seed, uint64_t stream, uint64_t first, size_t groups, float low, float span, float high, float *values) {
    uint32_t words[4][LANES];
    float below = nextafterf(high, low);
    for (size_t group = 0; group < groups; group++) {
        draw_group(seed, stream, first + group, words);
        float *out = values + group * GRAFT_DRAW_GROUP;
        const uint32_t *all = &words[0][0];
        for (int i = 0; i < GRAFT_DRAW_GROUP; i++) {
            float value = low + span * ((float)(int32_t)(all[i] >> 8) * 0x1p-24f);
            out[i] = value < high ? value : below;  // The sum may have been rounded up to `high`.
        }
    }
}

// -2 ln(k 2^-24) for 1 <= k <= 2^24. With k 2^-24 = 2^e m, 0.7 < m < 1.42, and s = (m - 1) / (m + 1):
// ln m = 2 (s + s^3/3 + s^5/5 + s^7/7 + s^9/9), whose next term is below 3e-9 s.
INLINE float minus_two_log(uint32_t k) {
    float u = (float)(int32_t)k * 0x1p-24f;
    uint32_t bits;
    memcpy(&bits, &u, 4);
    uint32_t shifted = bits - 0x3F350000u;  // The bits of 0.707..., so that m lies around 1.
    int32_t exponent = (int32_t)shifted >> 23;
    uint32_t scaled = (shifted & 0x007FFFFFu) + 0x3F350000u;
    float m;
    memcpy(&m, &scaled, 4);
    float s = (m - 1.0f) / (m + 1.0f);
    float q = s * s;
    float series = ((0.11111111f * q + 0.14285715f) * q + 0.2f) * q + 0.33333334f;
    float log = (float)exponent * 0.69314718f + 2.0f * (s + s * (q * series));
    return -2.0f * log;
}

// Two standard normals of two words: Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
// The angle is a whole turn times b 2^-32: the nearest quarter turn, and what is left of at most an eighth, for which
// the Taylor series of sine and cosine are exact to a float.
INLINE void box_muller(uint32_t a, uint32_t b, float *first, float *second) {
    float radius = sqrtf(minus_two_log((a >> 8) + 1));
    uint32_t quarter = (b + 0x20000000u) >> 30;
    float x = (float)(int32_t)(b - (quarter << 30)) * 1.4629180792671596e-9f;  // 2 pi 2^-32
    float y = x * x;
    float sine = x + x * (y * (-0.16666667f + y * (0.0083333333f + y * (-0.00019841270f + y * 2.7557319e-6f))));
    float cosine = 2.4801587e-5f + y * -2.7557319e-7f;
    cosine = 1.0f + y * (-0.5f + y * (0.041666667f + y * (-0.0013888889f + y * cosine)));
    float even = quarter & 1 ? sine : cosine;
    float odd = quarter & 1 ? cosine : sine;
    // Quarter turns: (c, s), (-s, c), (-c, -s), (s, -c).
    even = (quarter + 1) & 2 ? -even : even;
    odd = quarter & 2 ? -odd : odd;
    *first = radius * even;
    *second = radius * odd;
}

EACH_INSTRUCTION_SET
void graft_draw_normal(
    uint64_t seed, uint64_t stream, uint64_t first, size_t groups, float mean, float deviation, float *values) {
    uint32_t words[4][LANES];
    for (size_t group = 0; group < groups; group++) {
        draw_group(seed, stream, first + group, words);
        float *out = values + group * GRAFT_DRAW_GROUP;
        for (int half = 0; half < 4; half += 2) {
            for (int lane = 0; lane < LANES; lane++) {
                float one, other;
                box_muller(words[half][lane], words[half + 1][lane], &one, &other);
                out[half * LANES + lane] = mean + deviation * one;
                out[(half + 1) * LANES + lane] = mean + deviation * other;
            }
        }
    }
}
