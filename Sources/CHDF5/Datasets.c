// Datasets: their types, their sizes, and where their bytes are.
#include "Survey.h"
#include "Window.h"

#include <string.h>

enum { CHUNK_LIMIT = 1 << 20 };

/// How many chunks may still be told of.
static int64_t chunks_left = CHUNK_LIMIT;

static void put_filters(hid_t list) {
    int count = h5->H5Pget_nfilters(list);
    if (count < 0 || count > 32) graft_fail();
    graft_put_u8((uint8_t)count);
    for (int i = 0; i < count; i++) {
        unsigned flags, values[16] = {0}, more;
        size_t value_count = 16;
        char name[64] = "";
        H5Z_filter_t filter
            = h5->H5Pget_filter2(list, (unsigned)i, &flags, &value_count, values, sizeof name, name, &more);
        if (filter < 0) graft_fail();
        name[sizeof name - 1] = 0;
        graft_put_u32((uint32_t)filter);
        graft_put_text(name);
        if (value_count > 16) value_count = 16;
        graft_put_u32((uint32_t)value_count);
        for (size_t j = 0; j < value_count; j++) graft_put_u32(values[j]);
    }
}

/// Puts where the chunk at `place` is. The library tells that only after going through all chunks that there are, but
/// it reads one at once: it is asked to, and where it would read is noted.
static void put_chunk(hid_t dataset, const hsize_t *place) {
    static char untouched[1];
    uint32_t mask = 0;
    graft_reading = (struct graft_reading){.is_noted = 1};
    herr_t result = h5->H5Dread_chunk(dataset, H5P_DEFAULT, place, &mask, untouched);
    graft_reading.is_noted = 0;
    if (result < 0) {
        char text[512];
        graft_hdf5_complaint(h5, text, sizeof text);
        if (strcmp(text, "chunk address isn't defined") != 0) graft_fail();
        graft_reading.address = UINT64_MAX;
    }
    graft_put_u64(graft_reading.address);
    graft_put_u64(graft_reading.size);
    graft_put_u32(mask);
}

/// Where each chunk is, in the order of its coordinates.
static void put_chunks(
    hid_t dataset, int rank, const hsize_t *sizes, const hsize_t *chunk, uint64_t stored) {
    uint64_t count = 1;
    hsize_t counts[RANK_LIMIT];
    for (int i = 0; i < rank; i++) {
        counts[i] = sizes[i] / chunk[i] + (sizes[i] % chunk[i] != 0);
        if (counts[i] == 0) count = 0;
    }
    for (int i = 0; i < rank && count > 0; i++) {
        if (__builtin_mul_overflow(count, counts[i], &count)) {
            count = UINT64_MAX;
            break;
        }
    }
    if (stored == 0) count = 0;
    if (count > (uint64_t)chunks_left) {
        graft_put_u64(UINT64_MAX);
        return;
    }
    chunks_left -= (int64_t)count;
    graft_put_u64(count);
    hsize_t index[RANK_LIMIT] = {0}, place[RANK_LIMIT] = {0};
    for (uint64_t number = 0; number < count; number++) {
        put_chunk(dataset, place);
        for (int i = rank - 1; i >= 0; i--) {
            if (++index[i] < counts[i]) {
                place[i] = index[i] * chunk[i];
                break;
            }
            index[i] = 0;
            place[i] = 0;
        }
    }
}

hsize_t graft_put_dataset(hid_t group, const char *name) {
    hid_t dataset = h5->H5Dopen2(group, name, H5P_DEFAULT);
    hid_t list = dataset < 0 ? -1 : h5->H5Dget_create_plist(dataset);
    hid_t type = list < 0 ? -1 : h5->H5Dget_type(dataset);
    if (type < 0) graft_fail();
    graft_put_type(type);
    H5T_class_t kind = h5->H5Tget_class(type);
    hsize_t told = kind == H5T_OPAQUE ? graft_put_named_type(dataset) : 0;
    H5D_layout_t layout = h5->H5Pget_layout(list);
    if (layout < 0) graft_fail();
    // Asking a virtual dataset for its size opens the files that it names.
    if (layout == H5D_VIRTUAL) {
        graft_put_u8(255);
        graft_put_u8('v');
        graft_put_u32(0);
        return told;
    }
    hid_t space = h5->H5Dget_space(dataset);
    int rank = space < 0 ? -1 : h5->H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > RANK_LIMIT) graft_fail();
    hsize_t sizes[RANK_LIMIT] = {0}, chunk[RANK_LIMIT] = {0};
    int has_space = h5->H5Sget_simple_extent_type(space) != H5S_NULL;
    if (has_space && h5->H5Sget_simple_extent_dims(space, sizes, NULL) < 0) graft_fail();
    graft_put_u8(has_space ? (uint8_t)rank : 255);
    for (int i = 0; has_space && i < rank; i++) graft_put_u64(sizes[i]);
    if (h5->H5Pget_external_count(list) != 0) {
        graft_put_u8('x');
    } else if (layout == H5D_COMPACT) {
        graft_put_u8('p');
        hssize_t count = has_space ? h5->H5Sget_simple_extent_npoints(space) : 0;
        size_t width = h5->H5Tget_size(type);
        // Texts of any length, and references, would be turned into pointers.
        int is_plain = kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_ENUM || kind == H5T_OPAQUE
            || kind == H5T_BITFIELD || kind == H5T_COMPOUND;
        if (count < 0) graft_fail();
        if (!is_plain || count == 0) {
            graft_put_u32(0);
        } else {
            if ((size_t)count > (1 << 16) / width) graft_fail_saying("a compact dataset has more than 64 KB");
            static char bytes[1 << 16];
            // A member may be of any type, and such a compound is not read anyway.
            if (kind == H5T_COMPOUND && h5->H5Tget_nmembers(type) != 2) {
                graft_put_u32(0);
            } else {
                if (h5->H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0) graft_fail();
                graft_put_bytes(bytes, (size_t)count * width);
            }
        }
    } else if (layout == H5D_CONTIGUOUS) {
        graft_put_u8('c');
        graft_put_u64(h5->H5Dget_offset(dataset));
        graft_put_u64(h5->H5Dget_storage_size(dataset));
    } else {
        graft_put_u8('k');
        if (!has_space || rank == 0 || h5->H5Pget_chunk(list, rank, chunk) != rank) graft_fail();
        for (int i = 0; i < rank; i++) {
            if (chunk[i] == 0) graft_fail_saying("a chunk has no extent");
            graft_put_u64(chunk[i]);
        }
        unsigned options = 0;
        if (h5->H5Pget_chunk_opts(list, &options) < 0) graft_fail();
        graft_put_u8(options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS ? 1 : 0);
        put_filters(list);
        uint64_t stored = h5->H5Dget_storage_size(dataset);
        graft_put_u64(stored);
        put_chunks(dataset, rank, sizes, chunk, stored);
    }
    H5D_fill_value_t fill = H5D_FILL_VALUE_UNDEFINED;
    size_t width = h5->H5Tget_size(type);
    if (h5->H5Pfill_value_defined(list, &fill) < 0) graft_fail();
    int has_value = kind != H5T_VLEN && kind != H5T_REFERENCE && kind != H5T_STRING;
    if (fill == H5D_FILL_VALUE_USER_DEFINED && width <= 64 && has_value) {
        char value[64] = {0};
        if (h5->H5Pget_fill_value(list, type, value) < 0) graft_fail();
        graft_put_bytes(value, width);
    } else {
        graft_put_u32(0);
    }
    h5->H5Sclose(space);
    h5->H5Tclose(type);
    h5->H5Pclose(list);
    h5->H5Dclose(dataset);
    return told;
}
