#include "IntegerProducts.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// A sum and a product that became one FMA would differ from variant to variant.
#pragma STDC FP_CONTRACT OFF

enum { PANEL = GRAFT_INT8_PANEL };

static inline size_t fours(size_t depth) { return (depth + 3) / 4; }

size_t graft_int8_weight_bytes(size_t columns, size_t depth) {
    return (columns + PANEL - 1) / PANEL * PANEL * fours(depth) * 4;
}

// NaN where a number is not finite. Magnitudes are compared as whole numbers, in which order their bits are, too.
static inline __attribute__((always_inline)) float largest_magnitude(const float *x, size_t count) {
    int32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7FFFFFFF;
        largest = bits > largest ? bits : largest;
    }
    if (largest >= 0x7F800000) return NAN;
    float result;
    memcpy(&result, &largest, sizeof result);
    return result;
}

// To nearest with ties to even, for magnitudes up to 127.
static inline __attribute__((always_inline)) int32_t rounded(float value) {
    const float sum = value + 12582912.0f;  // 1.5 * 2^23: the sum has no room for a fraction.
    int32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    return bits - 0x4B400000;
}

void graft_int8_pack_weight(
    const float *weight, size_t columns, size_t depth, size_t first, size_t end, int8_t *packed, float *scales,
    int32_t *sums) {
    const size_t steps = fours(depth);
    for (size_t c = first; c < end; c++) {
        int8_t *panel = packed + c / PANEL * PANEL * steps * 4 + c % PANEL * 4;
        if (c >= columns) {
            for (size_t step = 0; step < steps; step++) memset(panel + step * PANEL * 4, 0, 4);
            continue;
        }
        const float *row = weight + c * depth;
        const float largest = largest_magnitude(row, depth);
        const float factor = largest > 0 ? 127.0f / largest : 0;
        int32_t sum = 0;
        for (size_t k = 0; k < steps * 4; k++) {
            const int code = k < depth && factor < INFINITY && factor > 0 ? rounded(row[k] * factor) : 0;
            panel[k / 4 * PANEL * 4 + k % 4] = (int8_t)code;
            sum += code;
        }
        scales[c] = largest / 127.0f;
        sums[c] = 128 * sum;
    }
}

// MARK: Rows

#define PACK_ROW(Code, zero)                                                                 \
    const float largest = largest_magnitude(x, depth);                                       \
    const float factor = largest > 0 && 127.0f / largest < INFINITY ? 127.0f / largest : 0;  \
    for (size_t k = 0; k < depth; k++) row[k] = (Code)(rounded(x[k] * factor) + zero);       \
    for (size_t k = depth; k < fours(depth) * 4; k++) row[k] = zero;                         \
    *scale = largest / 127.0f

static inline __attribute__((always_inline)) void pack_wide(
    const float *x, size_t depth, int16_t *restrict row, float *scale) {
    PACK_ROW(int16_t, 0);
}

static void pack_wide_plain(const float *x, size_t depth, void *row, float *scale) {
    pack_wide(x, depth, row, scale);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma")))
static void pack_wide_avx2(const float *x, size_t depth, void *row, float *scale) {
    pack_wide(x, depth, row, scale);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
static void pack_bytes_avx512(const float *x, size_t depth, void *packed, float *scale) {
    uint8_t *restrict row = packed;
    PACK_ROW(uint8_t, 128);
}
#endif

// MARK: Products

typedef struct {
    const void *rows;
    size_t row_bytes;
    size_t steps;  // Fours of k.
    const int8_t *panel;
} Tile;

// Sums of one panel's channels and `count` rows.
static void tile_plain(Tile tile, size_t count, int32_t *sums) {
    memset(sums, 0, count * PANEL * sizeof *sums);
    for (size_t r = 0; r < count; r++) {
        const int16_t *row = (const int16_t *)((const char *)tile.rows + r * tile.row_bytes);
        for (size_t step = 0; step < tile.steps; step++) {
            const int8_t *w = tile.panel + step * PANEL * 4;
            for (size_t c = 0; c < PANEL; c++) {
                int32_t sum = 0;
                for (size_t k = 0; k < 4; k++) sum += row[step * 4 + k] * w[c * 4 + k];
                sums[r * PANEL + c] += sum;
            }
        }
    }
}

#if defined(__x86_64__)
// A quarter of a panel at a time: 8 channels fill two registers of weights, whose two halves of every four k are summed
// apart and joined last. A row's four activations stand in all four lanes of a register; with 6 rows all 16 registers
// are in use.
#define AVX2_ROWS 6
__attribute__((target("avx2,fma"), always_inline)) static inline void quarter_avx2(
    Tile tile, size_t count, size_t quarter, int32_t *sums) {
    __m256i sum[AVX2_ROWS][2];
    for (size_t r = 0; r < count; r++) sum[r][0] = sum[r][1] = _mm256_setzero_si256();
    const int8_t *w = tile.panel + quarter * PANEL;
    for (size_t step = 0; step < tile.steps; step++, w += PANEL * 4) {
        const __m256i first = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
        const __m256i second = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + 16)));
        for (size_t r = 0; r < count; r++) {
            long long four;
            memcpy(&four, (const char *)tile.rows + r * tile.row_bytes + step * 8, 8);
            const __m256i x = _mm256_set1_epi64x(four);
            sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(x, first));
            sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(x, second));
        }
    }
    for (size_t r = 0; r < count; r++) {
        // Pairs are added within lanes of 128 bits, so that quarters come out as 0, 2, 1, 3.
        const __m256i pairs = _mm256_hadd_epi32(sum[r][0], sum[r][1]);
        _mm256_storeu_si256(
            (__m256i *)(sums + r * PANEL + quarter * 8), _mm256_permute4x64_epi64(pairs, 0xD8));
    }
}

__attribute__((target("avx2,fma"))) static void tile_avx2(Tile tile, size_t count, int32_t *sums) {
    size_t r = 0;
    for (; count - r >= AVX2_ROWS; r += AVX2_ROWS) {
        for (size_t quarter = 0; quarter < 4; quarter++) quarter_avx2(tile, AVX2_ROWS, quarter, sums + r * PANEL);
        tile.rows = (const char *)tile.rows + AVX2_ROWS * tile.row_bytes;
    }
    for (; r < count; r++) {
        for (size_t quarter = 0; quarter < 4; quarter++) quarter_avx2(tile, 1, quarter, sums + r * PANEL);
        tile.rows = (const char *)tile.rows + tile.row_bytes;
    }
}

#define VNNI_TARGET target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")
#define VNNI_ROWS 12
// Fours of k for which one cache line of what is wanted next is asked for.
#define STEPS_A_LINE 16
// Sums stay in registers only where the compiler sees each by its number.
#define EACH_UNROLLED _Pragma("clang loop unroll(full)")

// Adds the products of `count` rows, up to 12, with the whole panel: two registers of 16 channels for each row. Asks
// for the cache lines of `ahead` meanwhile, one for STEPS_A_LINE fours of k.
__attribute__((VNNI_TARGET, always_inline)) static inline void sum_vnni(
    Tile tile, size_t count, const int8_t *ahead, __m512i sum[VNNI_ROWS][2]) {
    const int8_t *w = tile.panel;
    for (size_t step = 0; step < tile.steps;) {
        const size_t end = tile.steps - step < STEPS_A_LINE ? tile.steps : step + STEPS_A_LINE;
        _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        ahead += 64;
        for (; step < end; step++, w += PANEL * 4) {
            const __m512i first = _mm512_loadu_si512(w), second = _mm512_loadu_si512(w + 64);
            EACH_UNROLLED
            for (size_t r = 0; r < count; r++) {
                int four;
                memcpy(&four, (const char *)tile.rows + r * tile.row_bytes + step * 4, 4);
                const __m512i x = _mm512_set1_epi32(four);
                sum[r][0] = _mm512_dpbusd_epi32(sum[r][0], x, first);
                sum[r][1] = _mm512_dpbusd_epi32(sum[r][1], x, second);
            }
        }
    }
}

// The whole panel for up to 12 rows; adds to what `sums` holds, or writes it.
__attribute__((VNNI_TARGET, always_inline)) static inline void rows_vnni(
    Tile tile, size_t count, bool adds, int32_t *sums) {
    __m512i sum[VNNI_ROWS][2];
    EACH_UNROLLED
    for (size_t r = 0; r < count; r++) {
        sum[r][0] = adds ? _mm512_loadu_si512(sums + r * PANEL) : _mm512_setzero_si512();
        sum[r][1] = adds ? _mm512_loadu_si512(sums + r * PANEL + 16) : _mm512_setzero_si512();
    }
    sum_vnni(tile, count, tile.panel, sum);
    EACH_UNROLLED
    for (size_t r = 0; r < count; r++) {
        _mm512_storeu_si512(sums + r * PANEL, sum[r][0]);
        _mm512_storeu_si512(sums + r * PANEL + 16, sum[r][1]);
    }
}

// Calls ACTION(n) for the next n of `count` rows until all are done.
#define EACH_OF_ROWS(ACTION)                                          \
    for (; count - r >= VNNI_ROWS; r += VNNI_ROWS) ACTION(VNNI_ROWS); \
    for (; count - r >= 4; r += 4) ACTION(4);                         \
    for (; count - r >= 1; r++) ACTION(1);

__attribute__((VNNI_TARGET, always_inline)) static inline void all_rows_vnni(
    Tile tile, size_t count, bool adds, int32_t *sums) {
    size_t r = 0;
#define SO_MANY(n)                                                       \
    {                                                                    \
        rows_vnni(tile, n, adds, sums + r * PANEL);                      \
        tile.rows = (const char *)tile.rows + n * tile.row_bytes;        \
    }
    EACH_OF_ROWS(SO_MANY)
#undef SO_MANY
}

#define AMX_TARGET target("amx-tile,amx-int8,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")
enum { AMX_ROWS = 32, AMX_STEPS = 16 };  // Two tiles of rows, and the fours of k of one.

// Four tiles of sums: 32 rows and the whole panel. What makes no whole tile is left to VNNI.
__attribute__((AMX_TARGET)) static void tile_amx(Tile tile, size_t count, int32_t *sums) {
    const size_t blocks = count == AMX_ROWS ? tile.steps / AMX_STEPS : 0;
    if (blocks > 0) {
        const char *x = tile.rows;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (size_t i = 0; i < blocks; i++, x += AMX_STEPS * 4, tile.panel += AMX_STEPS * PANEL * 4) {
            _tile_loadd(4, x, tile.row_bytes);
            _tile_loadd(5, x + 16 * tile.row_bytes, tile.row_bytes);
            _tile_loadd(6, tile.panel, PANEL * 4);
            _tile_loadd(7, tile.panel + 16 * 4, PANEL * 4);
            _tile_dpbusd(0, 4, 6);
            _tile_dpbusd(1, 4, 7);
            _tile_dpbusd(2, 5, 6);
            _tile_dpbusd(3, 5, 7);
        }
        _tile_stored(0, sums, PANEL * 4);
        _tile_stored(1, sums + 16, PANEL * 4);
        _tile_stored(2, sums + 16 * PANEL, PANEL * 4);
        _tile_stored(3, sums + 16 * PANEL + 16, PANEL * 4);
        tile.rows = x;
        tile.steps -= blocks * AMX_STEPS;
        if (tile.steps == 0) return;
    }
    all_rows_vnni(tile, count, blocks > 0, sums);
}

// All eight tiles are of 16 rows of 64 bytes.
__attribute__((AMX_TARGET)) static void configure_tiles(void) {
    struct {
        uint8_t palette, first_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shapes __attribute__((aligned(64))) = {.palette = 1};
    for (size_t i = 0; i < 8; i++) {
        shapes.row_bytes[i] = 64;
        shapes.rows[i] = 16;
    }
    _tile_loadconfig(&shapes);
}
#endif

// The result of a tile: sums become numbers. `offsets` are subtracted first where rows are held as bytes without a
// sign.
static inline __attribute__((always_inline)) void store_tile(
    const int32_t *sums, size_t count, const float *row_scales, const float *scales, const int32_t *offsets,
    const float *bias, float *y, size_t y_stride, size_t width) {
    for (size_t r = 0; r < count; r++) {
        const int32_t *from = sums + r * PANEL;
        float *restrict out = y + r * y_stride;
        const float scale = row_scales[r];
        for (size_t c = 0; c < width; c++) {
            const int32_t product = offsets ? from[c] - offsets[c] : from[c];
            const float value = (float)product * (scale * scales[c]);
            out[c] = bias ? value + bias[c] : value;
        }
    }
}

#define EACH_PANEL for (size_t column = first; column < end; column += PANEL)
#define EACH_ROW(at_once) for (size_t row = 0; row < p->row_count; row += at_once)

// A variant's loops over tiles of `at_once` rows, a whole number of what it takes at a time.
#define PRODUCT(name, attributes, tile_of, at_once, row_bytes_of_four, has_offsets, outer, inner)                   \
    attributes static void name(const graft_int8_block *p, size_t first, size_t end) {                              \
        Tile tile = {.row_bytes = fours(p->depth) * row_bytes_of_four, .steps = fours(p->depth)};                   \
        int32_t products[at_once * PANEL] __attribute__((aligned(64)));                                             \
        outer inner {                                                                                               \
            const size_t width = end - column < PANEL ? end - column : PANEL;                                       \
            const size_t count = p->row_count - row < at_once ? p->row_count - row : at_once;                       \
            const int32_t *offsets = has_offsets ? p->sums + column : NULL;                                         \
            const float *scales = p->scales + column, *bias = p->bias ? p->bias + column : NULL;                    \
            tile.panel = p->weight + column * tile.steps * 4;                                                       \
            tile.rows = (const char *)p->rows + row * tile.row_bytes;                                               \
            tile_of(tile, count, products);                                                                         \
            float *y = p->y + row * p->y_stride + column;                                                           \
            if (width == PANEL && bias) {                                                                           \
                store_tile(products, count, p->row_scales + row, scales, offsets, bias, y, p->y_stride, PANEL);     \
            } else {                                                                                                \
                store_tile(products, count, p->row_scales + row, scales, offsets, bias, y, p->y_stride, width);     \
            }                                                                                                       \
        }                                                                                                           \
    }

enum { ROWS_AT_ONCE = 12 };

PRODUCT(product_plain, , tile_plain, ROWS_AT_ONCE, 8, false, EACH_PANEL, EACH_ROW(ROWS_AT_ONCE))
#if defined(__x86_64__)
PRODUCT(
    product_avx2, __attribute__((target("avx2,fma"))), tile_avx2, ROWS_AT_ONCE, 8, false, EACH_PANEL,
    EACH_ROW(ROWS_AT_ONCE))

// The result of `count` rows, up to 12, and the panel at `column`; nothing of it is in memory between sums and numbers.
__attribute__((VNNI_TARGET, always_inline)) static inline void numbers_vnni(
    const graft_int8_block *p, Tile tile, size_t count, size_t row, size_t column, size_t width, const int8_t *ahead) {
    __m512i sum[VNNI_ROWS][2], none = _mm512_setzero_si512();
    // Rows are held as bytes without a sign.
    const __m512i first = _mm512_sub_epi32(none, _mm512_loadu_si512(p->sums + column));
    const __m512i second = _mm512_sub_epi32(none, _mm512_loadu_si512(p->sums + column + 16));
    EACH_UNROLLED
    for (size_t r = 0; r < count; r++) {
        sum[r][0] = first;
        sum[r][1] = second;
    }
    sum_vnni(tile, count, ahead, sum);
    const __mmask16 masks[2] = {
        (__mmask16)(width < 16 ? (1u << width) - 1 : 0xFFFF), (__mmask16)(width < 16 ? 0 : (1u << (width - 16)) - 1)};
    EACH_UNROLLED
    for (size_t h = 0; h < 2; h++) {
        const __m512 scales = _mm512_loadu_ps(p->scales + column + 16 * h);
        const __m512 bias = p->bias ? _mm512_maskz_loadu_ps(masks[h], p->bias + column + 16 * h) : _mm512_setzero_ps();
        float *y = p->y + row * p->y_stride + column + 16 * h;
        EACH_UNROLLED
        for (size_t r = 0; r < count; r++) {
            const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(p->row_scales[row + r]), scales);
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[r][h]), scale);
            if (p->bias) value = _mm512_add_ps(value, bias);
            _mm512_mask_storeu_ps(y + r * p->y_stride, masks[h], value);
        }
    }
}

__attribute__((VNNI_TARGET)) static void product_vnni(const graft_int8_block *p, size_t first, size_t end) {
    Tile tile = {.row_bytes = fours(p->depth) * 4, .steps = fours(p->depth)};
    const size_t count = p->row_count, asked_bytes = (tile.steps + STEPS_A_LINE - 1) / STEPS_A_LINE * 64;
    const int8_t *ahead = p->ahead;
    EACH_PANEL {
        const size_t width = end - column < PANEL ? end - column : PANEL;
        tile.panel = p->weight + column * tile.steps * 4;
        tile.rows = p->rows;
        size_t r = 0;
#define SO_MANY(n)                                                                              \
    {                                                                                           \
        /* Once all is near, lines that are in cache already. */                                \
        const bool asks = ahead < p->ahead_end;                                                 \
        numbers_vnni(p, tile, n, r, column, width, asks ? ahead : tile.panel);                  \
        if (asks) ahead += asked_bytes;                                                         \
        tile.rows = (const char *)tile.rows + n * tile.row_bytes;                               \
    }
        EACH_OF_ROWS(SO_MANY)
#undef SO_MANY
    }
}

// So fast that what it reads again must come from the first-level cache: the rows.
PRODUCT(tiles_amx, __attribute__((AMX_TARGET)), tile_amx, AMX_ROWS, 4, true, EACH_ROW(AMX_ROWS), EACH_PANEL)

__attribute__((AMX_TARGET)) static void product_amx(const graft_int8_block *p, size_t first, size_t end) {
    configure_tiles();
    tiles_amx(p, first, end);
    _tile_release();
}
#endif

// MARK: Variants

static bool runs_anywhere(graft_isa isa) {
    (void)isa;
    return true;
}

#if defined(__x86_64__)
static bool runs_avx2(graft_isa isa) { return isa != GRAFT_PLAIN; }

static bool runs_vnni(graft_isa isa) {
    if (isa != GRAFT_AVX512) return false;
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vnni");
}

static bool runs_amx(graft_isa isa) { return runs_vnni(isa) && graft_amx_supported(); }
#endif

typedef struct {
    bool (*runs)(graft_isa isa);
    // Bytes of an activation: one without a sign, 128 being zero, or two.
    size_t activation_bytes;
    size_t tile_rows;
    void (*pack_row)(const float *x, size_t depth, void *row, float *scale);
    void (*multiply)(const graft_int8_block *p, size_t first, size_t end);
} Variant;

// The first one that runs is taken.
static const Variant variants[] = {
#if defined(__x86_64__)
    {runs_amx, 1, AMX_ROWS, pack_bytes_avx512, product_amx},
    {runs_vnni, 1, VNNI_ROWS, pack_bytes_avx512, product_vnni},
    {runs_avx2, 2, ROWS_AT_ONCE, pack_wide_avx2, product_avx2},
#endif
    {runs_anywhere, 2, ROWS_AT_ONCE, pack_wide_plain, product_plain},
};

static const Variant *variant_for(graft_isa isa) {
    const Variant *variant = variants;
    while (!variant->runs(isa)) variant++;
    return variant;
}

size_t graft_int8_row_bytes(graft_isa isa, size_t depth) {
    return fours(depth) * 4 * variant_for(isa)->activation_bytes;
}

size_t graft_int8_tile_rows(graft_isa isa) { return variant_for(isa)->tile_rows; }

void graft_int8_pack_rows(graft_isa isa, const float *x, size_t rows, size_t depth, void *packed, float *scales) {
    const Variant *variant = variant_for(isa);
    const size_t bytes = fours(depth) * 4 * variant->activation_bytes;
    for (size_t r = 0; r < rows; r++) {
        variant->pack_row(x + r * depth, depth, (char *)packed + r * bytes, scales + r);
    }
}

void graft_int8_product(graft_isa isa, const graft_int8_block *block, size_t first, size_t end) {
    variant_for(isa)->multiply(block, first, end);
}
