// The child process: tells what is in a file, and ends. It runs before `main` of whatever program links graft, under
// limits, and opens nothing: it reads from a descriptor that it was given.
//
// The answer is a row of records. Numbers are little-endian; a text is its length, u32, and its bytes.
//
//   'G'  path, u64 address of its header, u8: 1 where that group was told of before
//   'A'  path of its group, name, u8: 1 for a list, u32 count, texts
//   'L'  path, u8 kind: 's' soft, 'x' external, 'u' of a user's own; the target's text
//   'D'  path, u64 address of its header, u8: 1 where that dataset was told of before, and then nothing more;
//        type; u8 rank, or 255 where it has no space; u64 sizes; u8 layout: 'c', 'p', 'k', 'x' other files,
//        'v' virtual; then
//          'c'  u64 offset, all ones where it has none; u64 bytes
//          'p'  text of its bytes
//          'k'  u64 sizes of a chunk; u8: 1 where cut chunks are not filtered; u8 filters, each u32 number, name,
//               u32 count, u32 values; u64 bytes stored; u64 count, all ones where there are too many; each u64
//               offset, u64 bytes, u32 mask
//        and the text of its fill value, empty for zeros
//   'Z'  the end
//
// Where the library fails, the process ends with a number of its own, and the answer, wherever it stands, with
//
//   the path, what the library says, u32 bytes of both
//
// A type: u8 class, u32 bytes, then
//   integer   u8 big-endian, u32 precision, u32 offset, u8 signed
//   float     u8 big-endian, u32 precision, u32 offset, u32 sign, exponent, its bits, mantissa, its bits, u64 bias,
//             u8 norm
//   enum      u32 members, at most two of them told, each name and u64 value; the type of their values
//   compound  u32 members, at most two of them told, each name, u32 offset, type
//   opaque    its tag, and the text of the dataset's attribute `dtype`
#define _GNU_SOURCE
#include "CHDF5.h"
#include "Window.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

int64_t graft_hdf5_answer_limit(int64_t length) {
    int64_t limit = (int64_t)24 << 20, most = (int64_t)256 << 20;
    return length > (most - limit) / 16 ? most : limit + 16 * length;
}

// MARK: In the parent

static const char program_name[] = "graft-hdf5-survey";
enum { FILE_DESCRIPTOR = 3, ANSWER_DESCRIPTOR = 4 };

int graft_hdf5_start_survey(int file, int64_t offset, int64_t length, int *answer, pid_t *child) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) return errno;
    // Away from the numbers that they get in the child, where one would take the other's place.
    int source = fcntl(file, F_DUPFD_CLOEXEC, 16);
    int target = fcntl(pipes[1], F_DUPFD_CLOEXEC, 16);
    close(pipes[1]);
    char numbers[2][32];
    snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)offset);
    snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)length);
    char *arguments[] = {(char *)program_name, numbers[0], numbers[1], NULL};
    char path[4096] = "LD_LIBRARY_PATH=";
    const char *libraries = getenv("LD_LIBRARY_PATH");
    if (libraries && strlen(libraries) < sizeof path - 32) strcat(path, libraries);
    char *environment[] = {path, "HDF5_USE_FILE_LOCKING=FALSE", "OPENBLAS_NUM_THREADS=1", NULL};

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, 0, 2);
    posix_spawn_file_actions_adddup2(&actions, source, FILE_DESCRIPTOR);
    posix_spawn_file_actions_adddup2(&actions, target, ANSWER_DESCRIPTOR);
    posix_spawn_file_actions_addclosefrom_np(&actions, ANSWER_DESCRIPTOR + 1);
    int code = source < 0 || target < 0
        ? EMFILE : posix_spawn(child, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (source >= 0) close(source);
    if (target >= 0) close(target);
    if (code != 0) {
        close(pipes[0]);
        return code;
    }
    *answer = pipes[0];
    return 0;
}

// MARK: The answer

enum {
    DEPTH_LIMIT = 128,
    TEXT_LIMIT = 16 << 20,
    CHUNK_LIMIT = 1 << 20,
    RANK_LIMIT = 32,
};

static const struct graft_hdf5_library *h5;
static char answer[1 << 16];
static size_t answer_count;
static int64_t answer_left;
/// Of how many links a file of this size can be at most; a circle shows more.
static int64_t links_left;
static int64_t chunks_left = CHUNK_LIMIT;

static void flush(void) {
    for (size_t done = 0; done < answer_count;) {
        ssize_t count = write(ANSWER_DESCRIPTOR, answer + done, answer_count - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) _exit(1);
        done += (size_t)count;
    }
    answer_count = 0;
}

static void put(const void *bytes, size_t count) {
    answer_left -= (int64_t)count;
    if (answer_left < 0) _exit(GRAFT_HDF5_TOO_MUCH);
    while (count > 0) {
        if (answer_count == sizeof answer) flush();
        size_t step = sizeof answer - answer_count;
        if (step > count) step = count;
        memcpy(answer + answer_count, bytes, step);
        answer_count += step;
        bytes = (const char *)bytes + step;
        count -= step;
    }
}

static void put_u8(uint8_t value) { put(&value, 1); }
static void put_u32(uint32_t value) { put(&value, 4); }
static void put_u64(uint64_t value) { put(&value, 8); }

static void put_bytes(const void *bytes, size_t count) {
    if (count > TEXT_LIMIT) _exit(GRAFT_HDF5_TOO_MUCH);
    put_u32((uint32_t)count);
    put(bytes, count);
}

static void put_text(const char *text) { put_bytes(text ? text : "", text ? strlen(text) : 0); }

/// The end of the answer, with what went wrong at `path`. It may come within another record, so that it is found from
/// behind.
static _Noreturn void fail_saying(const char *path, const char *text) {
    int64_t before = answer_left;
    put_text(path);
    put_text(text);
    put_u32((uint32_t)(before - answer_left));
    flush();
    _exit(GRAFT_HDF5_FAILED);
}

static _Noreturn void fail(const char *path) {
    char text[512];
    graft_hdf5_complaint(h5, text, sizeof text);
    fail_saying(path, text);
}

// MARK: Objects that were seen

static haddr_t *seen;
static size_t seen_count, seen_capacity;

/// Whether there was an object at `address` before; then on there is.
static int is_seen(haddr_t address) {
    if (2 * (seen_count + 1) > seen_capacity) {
        size_t capacity = seen_capacity ? 2 * seen_capacity : 1024;
        haddr_t *table = malloc(capacity * sizeof *table);
        if (!table) _exit(GRAFT_HDF5_TOO_MUCH);
        for (size_t i = 0; i < capacity; i++) table[i] = HADDR_UNDEF;
        for (size_t i = 0; i < seen_capacity; i++) {
            if (seen[i] == HADDR_UNDEF) continue;
            size_t place = (size_t)(seen[i] * 0x9E3779B97F4A7C15u) & (capacity - 1);
            while (table[place] != HADDR_UNDEF) place = (place + 1) & (capacity - 1);
            table[place] = seen[i];
        }
        free(seen);
        seen = table;
        seen_capacity = capacity;
    }
    size_t place = (size_t)(address * 0x9E3779B97F4A7C15u) & (seen_capacity - 1);
    while (seen[place] != HADDR_UNDEF) {
        if (seen[place] == address) return 1;
        place = (place + 1) & (seen_capacity - 1);
    }
    seen[place] = address;
    seen_count++;
    return 0;
}

// MARK: Types

static void put_type(hid_t type, const char *path, int depth) {
    H5T_class_t kind = h5->H5Tget_class(type);
    size_t size = h5->H5Tget_size(type);
    if (kind < 0 || size == 0 || size > UINT32_MAX) fail(path);
    put_u8((uint8_t)kind);
    put_u32((uint32_t)size);
    switch (kind) {
    case H5T_INTEGER:
        put_u8(h5->H5Tget_order(type) == H5T_ORDER_BE);
        put_u32((uint32_t)h5->H5Tget_precision(type));
        put_u32((uint32_t)h5->H5Tget_offset(type));
        put_u8(h5->H5Tget_sign(type) == H5T_SGN_2);
        break;
    case H5T_FLOAT: {
        size_t fields[5] = {0};
        if (h5->H5Tget_fields(type, &fields[0], &fields[1], &fields[2], &fields[3], &fields[4]) < 0) fail(path);
        H5T_order_t order = h5->H5Tget_order(type);
        put_u8(order == H5T_ORDER_BE ? 1 : order == H5T_ORDER_LE ? 0 : 2);
        put_u32((uint32_t)h5->H5Tget_precision(type));
        put_u32((uint32_t)h5->H5Tget_offset(type));
        for (int i = 0; i < 5; i++) put_u32((uint32_t)fields[i]);
        put_u64(h5->H5Tget_ebias(type));
        put_u8((uint8_t)h5->H5Tget_norm(type));
        break;
    }
    case H5T_ENUM: {
        int count = h5->H5Tget_nmembers(type);
        hid_t base = h5->H5Tget_super(type);
        if (count < 0 || base < 0) fail(path);
        put_u32((uint32_t)count);
        for (int i = 0; i < count && i < 2; i++) {
            char *name = h5->H5Tget_member_name(type, (unsigned)i);
            unsigned char value[8] = {0};
            if (!name || (size <= 8 && h5->H5Tget_member_value(type, (unsigned)i, value) < 0)) fail(path);
            put_text(name);
            put(value, 8);
            h5->H5free_memory(name);
        }
        put_type(base, path, depth + 1);
        h5->H5Tclose(base);
        break;
    }
    case H5T_COMPOUND: {
        int count = h5->H5Tget_nmembers(type);
        if (count < 0) fail(path);
        // More than two members, or members of members, are nothing that is read.
        if (depth > 0) count = 0;
        put_u32((uint32_t)count);
        for (int i = 0; i < count && i < 2; i++) {
            char *name = h5->H5Tget_member_name(type, (unsigned)i);
            hid_t member = h5->H5Tget_member_type(type, (unsigned)i);
            if (!name || member < 0) fail(path);
            put_text(name);
            put_u32((uint32_t)h5->H5Tget_member_offset(type, (unsigned)i));
            put_type(member, path, depth + 1);
            h5->H5free_memory(name);
            h5->H5Tclose(member);
        }
        break;
    }
    case H5T_OPAQUE: {
        char *tag = h5->H5Tget_tag(type);
        put_text(tag);
        if (tag) h5->H5free_memory(tag);
        break;
    }
    default: break;
    }
}

// MARK: Attributes

/// Puts the texts of an open attribute as `u8 list, u32 count, texts`; gives 0, and puts nothing, where it holds
/// others.
static int put_texts(hid_t attribute, void (*before)(void *), void *context) {
    int done = 0;
    hid_t type = h5->H5Aget_type(attribute), space = h5->H5Aget_space(attribute);
    int rank = space < 0 ? -1 : h5->H5Sget_simple_extent_ndims(space);
    hssize_t count = space < 0 ? -1 : h5->H5Sget_simple_extent_npoints(space);
    size_t size = type < 0 ? 0 : h5->H5Tget_size(type);
    int is_text = type >= 0 && h5->H5Tget_class(type) == H5T_STRING;
    if (rank >= 0 && rank <= 1 && count == 0 && h5->H5Sget_simple_extent_type(space) == H5S_SIMPLE) {
        // h5py gives an empty list any type.
        before(context);
        put_u8(1);
        put_u32(0);
        done = 1;
    } else if (is_text && rank >= 0 && rank <= 1 && count > 0 && count <= 1 << 20) {
        int varies = h5->H5Tis_variable_str(type) > 0;
        if (!varies && size > TEXT_LIMIT / (size_t)count) _exit(GRAFT_HDF5_TOO_MUCH);
        void *values = calloc((size_t)count, varies ? sizeof(char *) : size);
        hid_t memory = h5->H5Tcopy(type);
        if (!values || memory < 0 || h5->H5Aread(attribute, memory, values) < 0) {
            free(values);
            return -1;
        }
        before(context);
        put_u8(rank == 1);
        put_u32((uint32_t)count);
        for (hssize_t i = 0; i < count; i++) {
            if (varies) {
                put_text(((char **)values)[i]);
            } else {
                const char *text = (const char *)values + (size_t)i * size;
                put_bytes(text, strnlen(text, size));
            }
        }
        free(values);
        h5->H5Tclose(memory);
        done = 1;
    }
    if (type >= 0) h5->H5Tclose(type);
    if (space >= 0) h5->H5Sclose(space);
    return done;
}

struct named {
    const char *path;
    const char *name;
};

static void put_attribute_name(void *context) {
    const struct named *named = context;
    put_u8(GRAFT_HDF5_ATTRIBUTE);
    put_text(named->path);
    put_text(named->name);
}

static herr_t visit_attribute(hid_t group, const char *name, const H5A_info_t *info, void *context) {
    (void)info;
    struct named named = {context, name};
    if (links_left-- <= 0) fail_saying(context, "it has more attributes than its bytes could hold");
    hid_t attribute = h5->H5Aopen(group, name, H5P_DEFAULT);
    if (attribute < 0 || put_texts(attribute, put_attribute_name, &named) < 0) fail(context);
    h5->H5Aclose(attribute);
    return 0;
}

// MARK: Datasets

static void put_nothing(void *context) { (void)context; }

/// Keras and h5py name the type of opaque bytes in an attribute.
static void put_named_type(hid_t dataset, const char *path) {
    hid_t attribute = h5->H5Aexists(dataset, "dtype") > 0 ? h5->H5Aopen(dataset, "dtype", H5P_DEFAULT) : -1;
    int done = attribute < 0 ? 0 : put_texts(attribute, put_nothing, NULL);
    if (done < 0) fail(path);
    if (done == 0) {
        put_u8(0);
        put_u32(0);
    }
    if (attribute >= 0) h5->H5Aclose(attribute);
}

static void put_filters(hid_t list, const char *path) {
    int count = h5->H5Pget_nfilters(list);
    if (count < 0 || count > 32) fail(path);
    put_u8((uint8_t)count);
    for (int i = 0; i < count; i++) {
        unsigned flags, values[16] = {0}, more;
        size_t value_count = 16;
        char name[64] = "";
        H5Z_filter_t filter
            = h5->H5Pget_filter2(list, (unsigned)i, &flags, &value_count, values, sizeof name, name, &more);
        if (filter < 0) fail(path);
        name[sizeof name - 1] = 0;
        put_u32((uint32_t)filter);
        put_text(name);
        if (value_count > 16) value_count = 16;
        put_u32((uint32_t)value_count);
        for (size_t j = 0; j < value_count; j++) put_u32(values[j]);
    }
}

/// Where each chunk is, in the order of its coordinates.
static void put_chunks(
    hid_t dataset, int rank, const hsize_t *sizes, const hsize_t *chunk, uint64_t stored, const char *path) {
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
        put_u64(UINT64_MAX);
        return;
    }
    chunks_left -= (int64_t)count;
    put_u64(count);
    hsize_t index[RANK_LIMIT] = {0}, place[RANK_LIMIT] = {0};
    for (uint64_t number = 0; number < count; number++) {
        unsigned mask = 0;
        haddr_t address = HADDR_UNDEF;
        hsize_t size = 0;
        if (h5->H5Dget_chunk_info_by_coord(dataset, place, &mask, &address, &size) < 0) fail(path);
        put_u64(address);
        put_u64(size);
        put_u32(mask);
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

static void put_dataset(hid_t group, const char *name, const char *path) {
    hid_t dataset = h5->H5Dopen2(group, name, H5P_DEFAULT);
    hid_t list = dataset < 0 ? -1 : h5->H5Dget_create_plist(dataset);
    hid_t type = list < 0 ? -1 : h5->H5Dget_type(dataset);
    if (type < 0) fail(path);
    put_type(type, path, 0);
    H5T_class_t kind = h5->H5Tget_class(type);
    if (kind == H5T_OPAQUE) put_named_type(dataset, path);
    H5D_layout_t layout = h5->H5Pget_layout(list);
    if (layout < 0) fail(path);
    // Asking a virtual dataset for its size opens the files that it names.
    if (layout == H5D_VIRTUAL) {
        put_u8(255);
        put_u8('v');
        put_u32(0);
        return;
    }
    hid_t space = h5->H5Dget_space(dataset);
    int rank = space < 0 ? -1 : h5->H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > RANK_LIMIT) fail(path);
    hsize_t sizes[RANK_LIMIT] = {0}, chunk[RANK_LIMIT] = {0};
    int has_space = h5->H5Sget_simple_extent_type(space) != H5S_NULL;
    if (has_space && h5->H5Sget_simple_extent_dims(space, sizes, NULL) < 0) fail(path);
    put_u8(has_space ? (uint8_t)rank : 255);
    for (int i = 0; has_space && i < rank; i++) put_u64(sizes[i]);
    if (h5->H5Pget_external_count(list) != 0) {
        put_u8('x');
    } else if (layout == H5D_COMPACT) {
        put_u8('p');
        hssize_t count = has_space ? h5->H5Sget_simple_extent_npoints(space) : 0;
        size_t width = h5->H5Tget_size(type);
        // Texts of any length, and references, would be turned into pointers.
        int is_plain = kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_ENUM || kind == H5T_OPAQUE
            || kind == H5T_BITFIELD || kind == H5T_COMPOUND;
        if (count < 0) fail(path);
        if (!is_plain || count == 0) {
            put_u32(0);
        } else {
            if ((size_t)count > (1 << 16) / width) fail_saying(path, "a compact dataset has more than 64 KB");
            static char bytes[1 << 16];
            // A member may be of any type, and such a compound is not read anyway.
            if (kind == H5T_COMPOUND && h5->H5Tget_nmembers(type) != 2) {
                put_u32(0);
            } else {
                if (h5->H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0) fail(path);
                put_bytes(bytes, (size_t)count * width);
            }
        }
    } else if (layout == H5D_CONTIGUOUS) {
        put_u8('c');
        put_u64(h5->H5Dget_offset(dataset));
        put_u64(h5->H5Dget_storage_size(dataset));
    } else {
        put_u8('k');
        if (!has_space || rank == 0 || h5->H5Pget_chunk(list, rank, chunk) != rank) fail(path);
        for (int i = 0; i < rank; i++) {
            if (chunk[i] == 0) fail_saying(path, "a chunk has no extent");
            put_u64(chunk[i]);
        }
        unsigned options = 0;
        if (h5->H5Pget_chunk_opts(list, &options) < 0) fail(path);
        put_u8(options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS ? 1 : 0);
        put_filters(list, path);
        uint64_t stored = h5->H5Dget_storage_size(dataset);
        put_u64(stored);
        put_chunks(dataset, rank, sizes, chunk, stored, path);
    }
    H5D_fill_value_t fill = H5D_FILL_VALUE_UNDEFINED;
    size_t width = h5->H5Tget_size(type);
    if (h5->H5Pfill_value_defined(list, &fill) < 0) fail(path);
    int has_value = kind != H5T_VLEN && kind != H5T_REFERENCE && kind != H5T_STRING;
    if (fill == H5D_FILL_VALUE_USER_DEFINED && width <= 64 && has_value) {
        char value[64] = {0};
        if (h5->H5Pget_fill_value(list, type, value) < 0) fail(path);
        put_bytes(value, width);
    } else {
        put_u32(0);
    }
    h5->H5Sclose(space);
    h5->H5Tclose(type);
    h5->H5Pclose(list);
    h5->H5Dclose(dataset);
}

// MARK: Groups

static char path[1 << 16];
static size_t path_count;
static int depth;

static void survey_group(hid_t group);

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *context) {
    (void)context;
    if (links_left-- <= 0) fail_saying(path, "its list of links goes in a circle");
    size_t outer = path_count, length = strlen(name);
    if (outer + length + 2 > sizeof path) _exit(GRAFT_HDF5_TOO_MUCH);
    if (outer > 0) path[path_count++] = '/';
    memcpy(path + path_count, name, length + 1);
    path_count += length;
    if (info->type != H5L_TYPE_HARD) {
        static char target[4096];
        target[0] = 0;
        int kind = info->type == H5L_TYPE_SOFT ? 's' : info->type == H5L_TYPE_EXTERNAL ? 'x' : 'u';
        // What an external link says is of no use; it is refused by its kind.
        if (kind == 's') {
            if (info->u.val_size > sizeof target) fail_saying(path, "a soft link leads to a name of over 4,096 bytes");
            if (h5->H5Lget_val(group, name, target, sizeof target, H5P_DEFAULT) < 0) fail(path);
            target[sizeof target - 1] = 0;
        }
        put_u8(GRAFT_HDF5_LINK);
        put_text(path);
        put_u8((uint8_t)kind);
        put_text(target);
    } else {
        H5O_info_t object;
        if (h5->H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) fail(path);
        if (object.type == H5O_TYPE_GROUP || object.type == H5O_TYPE_DATASET) {
            int again = is_seen(object.addr);
            put_u8(object.type == H5O_TYPE_GROUP ? GRAFT_HDF5_GROUP : GRAFT_HDF5_DATASET);
            put_text(path);
            put_u64(object.addr);
            put_u8((uint8_t)again);
            if (!again && object.type == H5O_TYPE_DATASET) put_dataset(group, name, path);
            if (!again && object.type == H5O_TYPE_GROUP) {
                if (depth >= DEPTH_LIMIT) _exit(GRAFT_HDF5_TOO_MUCH);
                hid_t inner = h5->H5Gopen2(group, name, H5P_DEFAULT);
                if (inner < 0) fail(path);
                depth++;
                survey_group(inner);
                depth--;
                h5->H5Gclose(inner);
            }
        } else if (object.type != H5O_TYPE_NAMED_DATATYPE) {
            fail_saying(path, "it is of no kind that is known");
        }
    }
    path_count = outer;
    path[outer] = 0;
    return 0;
}

static void survey_group(hid_t group) {
    hsize_t place = 0;
    if (h5->H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_NATIVE, &place, visit_attribute, path) < 0) fail(path);
    place = 0;
    if (h5->H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &place, visit_link, NULL) < 0) fail(path);
}

// MARK: The child

static void limit(int resource, rlim_t value) {
    struct rlimit limits = {value, value};
    setrlimit(resource, &limits);
}

/// The memory that the process has mapped.
static rlim_t mapped_byte_count(void) {
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%llu", &pages) != 1) pages = 0;
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static _Noreturn void survey(int64_t offset, int64_t length) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    h5 = graft_hdf5_load();
    if (!h5) _exit(GRAFT_HDF5_NO_LIBRARY);
    // A gigabyte beside what there is already; a second, and one more for each 64 MB; no file is made or opened from
    // here on.
    limit(RLIMIT_AS, mapped_byte_count() + (1u << 30));
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    rlim_t seconds = 1 + (rlim_t)length / (64 << 20);
    limit(RLIMIT_CPU, seconds < 60 ? seconds : 60);
    limit(RLIMIT_NOFILE, 0);
    // The shortest link, one in a group's header, takes ten bytes.
    links_left = length / 10 + 16;
    answer_left = graft_hdf5_answer_limit(length);
    hid_t list = graft_window_access(h5);
    if (list < 0) _exit(GRAFT_HDF5_NO_LIBRARY);
    char name[96];
    graft_window_name(name, sizeof name, FILE_DESCRIPTOR, offset, length);
    hid_t file = h5->H5Fopen(name, H5F_ACC_RDONLY, list);
    if (file < 0) fail("");
    hid_t root = h5->H5Gopen2(file, "/", H5P_DEFAULT);
    H5O_info_t object;
    if (root < 0 || h5->H5Oget_info2(root, &object, H5O_INFO_BASIC) < 0) fail("");
    is_seen(object.addr);
    put_u8(GRAFT_HDF5_GROUP);
    put_text("");
    put_u64(object.addr);
    put_u8(0);
    survey_group(root);
    put_u8(GRAFT_HDF5_END);
    flush();
    // Nothing has to be taken down.
    _exit(0);
}

/// Before `main`, and after whatever the C library and graft's own libraries set up.
__attribute__((constructor)) static void survey_where_asked(int count, char **arguments, char **environment) {
    (void)environment;
    if (count != 3 || strcmp(arguments[0], program_name) != 0) return;
    survey(strtoll(arguments[1], NULL, 10), strtoll(arguments[2], NULL, 10));
}
