#include "Comparisons.h"

#include <math.h>
#include <stdbool.h>

#include "CastLoops.h"

// Eight sums of their own, so that the compiler may use vectors without changing the order of additions.
#define LANES 8

#define COMPARE(Packed)                                                                                        \
    const Packed *x = a, *y = b;                                                                               \
    double largest[LANES] = {0}, square[LANES] = {0}, norm[LANES] = {0}, nan[LANES] = {0}, far[LANES] = {0};   \
    for (size_t start = 0; start < count; start += LANES) {                                                    \
        const size_t lanes = count - start < LANES ? count - start : LANES;                                    \
        for (size_t lane = 0; lane < lanes; lane++) {                                                          \
            const double p = x[start + lane].value, q = y[start + lane].value;                                 \
            const bool same = (p == q) | ((p != p) & (q != q));                                                \
            const double difference = same ? 0 : __builtin_fabs(p - q);                                        \
            const double size = __builtin_fabs(p), other = __builtin_fabs(q);                                  \
            const double allowed = absolute + relative * (size > other ? size : other);                        \
            const bool is_far = !same & !(difference <= allowed && difference < INFINITY);                     \
            far[lane] += is_far ? 1 : 0;                                                                       \
            nan[lane] += difference != difference ? 1 : 0;                                                     \
            largest[lane] = difference > largest[lane] ? difference : largest[lane];                           \
            square[lane] += difference * difference;                                                           \
            norm[lane] += p != p ? 0 : p * p;                                                                  \
        }                                                                                                      \
    }                                                                                                          \
    for (int lane = 0; lane < LANES; lane++) {                                                                 \
        result->largest = largest[lane] > result->largest ? largest[lane] : result->largest;                   \
        result->largest = nan[lane] > 0 ? NAN : result->largest;                                               \
        result->square += square[lane];                                                                        \
        result->norm += norm[lane];                                                                            \
        result->far += (uint64_t)far[lane];                                                                    \
    }

EACH_INSTRUCTION_SET
void graft_compare_f32(
    const void *a, const void *b, size_t count, double relative, double absolute, graft_comparison *result) {
    COMPARE(PackedFloat)
}

EACH_INSTRUCTION_SET
void graft_compare_f64(
    const void *a, const void *b, size_t count, double relative, double absolute, graft_comparison *result) {
    COMPARE(PackedDouble)
}
