// The child process: tells what is in a file, and ends. It runs before `main` of whatever program links graft, under
// limits, and opens nothing: it reads from a descriptor that it was given.
//
// The answer is a row of records. Numbers are little-endian; a text is its length, u32, and its bytes.
//
//   'G'  path, u64 address of its header, u8: 1 where that group was told of before
//   'A'  path of its group, name, u8: 1 for a list, u32 count, texts
//   'O'  path of a group or dataset, u32 count of its attributes that are not told of
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
// Where the library fails or there is too much, the process ends with a number of its own, and the answer, wherever it
// stands, with
//
//   the path, what is wrong, u32 bytes of both
//
// A type: u8 class, u32 bytes, then
//   integer   u8 big-endian, u32 precision, u32 offset, u8 signed
//   float     u8 big-endian, u32 precision, u32 offset, u32 sign, exponent, its bits, mantissa, its bits, u64 bias,
//             u8 norm
//   enum      u32 members, at most two of them told, each name and u64 value; the type of their values
//   compound  u32 members, at most two of them told, each name, u32 offset, type
//   opaque    its tag, and the text of the dataset's attribute `dtype`
#include "Survey.h"
#include "Window.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DEPTH_LIMIT = 128 };

const char graft_survey_program[] = "graft-hdf5-survey";

int64_t graft_links_left;

// MARK: Objects that were seen

static haddr_t *seen;
static size_t seen_count, seen_capacity;

/// Whether there was an object at `address` before; then on there is.
static int is_seen(haddr_t address) {
    if (2 * (seen_count + 1) > seen_capacity) {
        size_t capacity = seen_capacity ? 2 * seen_capacity : 1024;
        haddr_t *table = malloc(capacity * sizeof *table);
        if (!table) graft_refuse("comes behind more objects than memory holds");
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

// MARK: Groups

static size_t path_count;
static int depth;

static void survey_group(hid_t group);

static void put_other_attributes(hsize_t count) {
    if (count == 0) return;
    graft_put_u8(GRAFT_HDF5_OTHER_ATTRIBUTES);
    graft_put_text(graft_path);
    graft_put_u32(count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *context) {
    (void)context;
    if (graft_links_left-- <= 0) graft_fail_saying("its list of links goes in a circle");
    size_t outer = path_count, length = strlen(name);
    if (outer + length + 2 > PATH_LIMIT) graft_refuse("has a member whose path has over %d bytes", PATH_LIMIT - 1);
    if (outer > 0) graft_path[path_count++] = '/';
    memcpy(graft_path + path_count, name, length + 1);
    path_count += length;
    if (info->type != H5L_TYPE_HARD) {
        static char target[4096];
        target[0] = 0;
        int kind = info->type == H5L_TYPE_SOFT ? 's' : info->type == H5L_TYPE_EXTERNAL ? 'x' : 'u';
        // What an external link says is of no use; it is refused by its kind.
        if (kind == 's') {
            if (info->u.val_size > sizeof target) {
                graft_fail_saying("a soft link leads to a name of over 4,096 bytes");
            }
            if (h5->H5Lget_val(group, name, target, sizeof target, H5P_DEFAULT) < 0) graft_fail();
            target[sizeof target - 1] = 0;
        }
        graft_put_u8(GRAFT_HDF5_LINK);
        graft_put_text(graft_path);
        graft_put_u8((uint8_t)kind);
        graft_put_text(target);
    } else {
        H5O_info_t object;
        if (h5->H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS, H5P_DEFAULT) < 0) graft_fail();
        if (object.type == H5O_TYPE_GROUP || object.type == H5O_TYPE_DATASET) {
            int again = is_seen(object.addr);
            graft_put_u8(object.type == H5O_TYPE_GROUP ? GRAFT_HDF5_GROUP : GRAFT_HDF5_DATASET);
            graft_put_text(graft_path);
            graft_put_u64(object.addr);
            graft_put_u8((uint8_t)again);
            if (!again && object.type == H5O_TYPE_DATASET) {
                const hsize_t own = graft_put_dataset(group, name);
                if (own > object.num_attrs) graft_refuse("has more attributes than its header says");
                put_other_attributes(object.num_attrs - own);
            }
            if (!again && object.type == H5O_TYPE_GROUP) {
                if (depth >= DEPTH_LIMIT) graft_refuse("is in over %d groups", DEPTH_LIMIT);
                hid_t inner = h5->H5Gopen2(group, name, H5P_DEFAULT);
                if (inner < 0) graft_fail();
                depth++;
                survey_group(inner);
                depth--;
                h5->H5Gclose(inner);
            }
        } else if (object.type != H5O_TYPE_NAMED_DATATYPE) {
            graft_fail_saying("it is of no kind that is known");
        }
    }
    path_count = outer;
    graft_path[outer] = 0;
    return 0;
}

static void survey_group(hid_t group) {
    put_other_attributes(graft_put_attributes(group));
    hsize_t place = 0;
    if (h5->H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &place, visit_link, NULL) < 0) graft_fail();
}

// MARK: The child

static void limit(int resource, rlim_t value) {
    // Processor time ends with a signal of its own, and a second later without one.
    struct rlimit limits = {value, resource == RLIMIT_CPU ? value + 1 : value};
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
    if (!graft_hdf5_load()) _exit(GRAFT_HDF5_NO_LIBRARY);
    // A gigabyte beside what there is already; no file is made or opened from here on.
    limit(RLIMIT_AS, mapped_byte_count() + (1u << 30));
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CPU, (rlim_t)graft_hdf5_processor_seconds(length));
    limit(RLIMIT_NOFILE, 0);
    // The shortest link, one in a group's header, takes ten bytes.
    graft_links_left = length / 10 + 16;
    graft_begin_answer(graft_hdf5_answer_limit(length));
    hid_t list = graft_window_access(h5);
    if (list < 0) _exit(GRAFT_HDF5_NO_LIBRARY);
    char name[96];
    graft_window_name(name, sizeof name, FILE_DESCRIPTOR, offset, length);
    hid_t file = h5->H5Fopen(name, H5F_ACC_RDONLY, list);
    if (file < 0) graft_fail();
    hid_t root = h5->H5Gopen2(file, "/", H5P_DEFAULT);
    H5O_info_t object;
    if (root < 0 || h5->H5Oget_info2(root, &object, H5O_INFO_BASIC) < 0) graft_fail();
    is_seen(object.addr);
    graft_put_u8(GRAFT_HDF5_GROUP);
    graft_put_text("");
    graft_put_u64(object.addr);
    graft_put_u8(0);
    survey_group(root);
    graft_put_u8(GRAFT_HDF5_END);
    graft_flush();
    // Nothing has to be taken down.
    _exit(0);
}

/// Before `main`, and after whatever the C library and graft's own libraries set up.
__attribute__((constructor)) static void survey_where_asked(int count, char **arguments, char **environment) {
    (void)environment;
    if (count != 3 || strcmp(arguments[0], graft_survey_program) != 0) return;
    survey(strtoll(arguments[1], NULL, 10), strtoll(arguments[2], NULL, 10));
}
