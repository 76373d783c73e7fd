// The library opens files by their names only, and resolves those. This driver takes a descriptor that is open already.
//
// Source: H5FDdevelop.h and H5FDpublic.h of HDF5 1.10.8, the "Virtual File Layer" of its documentation.
#include "Window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct window {
    H5FD_t base;
    int descriptor;
    long long offset, length;
    haddr_t end_of_addresses;
};

struct graft_reading graft_reading;

void graft_window_name(char *name, size_t capacity, int descriptor, int64_t offset, int64_t length) {
    snprintf(name, capacity, "%d %lld %lld", descriptor, (long long)offset, (long long)length);
}

static H5FD_t *window_open(const char *name, unsigned flags, hid_t list, haddr_t limit) {
    (void)flags, (void)list, (void)limit;
    struct window *window = calloc(1, sizeof *window);
    if (!window) return NULL;
    int count = sscanf(name, "%d %lld %lld", &window->descriptor, &window->offset, &window->length);
    if (count == 3) return &window->base;
    free(window);
    return NULL;
}

static herr_t window_close(H5FD_t *file) {
    free(file);
    return 0;
}

static int window_cmp(const H5FD_t *a, const H5FD_t *b) { return a < b ? -1 : a > b; }

static herr_t window_query(const H5FD_t *file, unsigned long *flags) {
    (void)file;
    *flags = 0;
    return 0;
}

static haddr_t window_get_eoa(const H5FD_t *file, H5FD_mem_t kind) {
    (void)kind;
    return ((const struct window *)file)->end_of_addresses;
}

static herr_t window_set_eoa(H5FD_t *file, H5FD_mem_t kind, haddr_t address) {
    (void)kind;
    ((struct window *)file)->end_of_addresses = address;
    return 0;
}

static haddr_t window_get_eof(const H5FD_t *file, H5FD_mem_t kind) {
    (void)kind;
    return (haddr_t)((const struct window *)file)->length;
}

static herr_t window_read(H5FD_t *file, H5FD_mem_t kind, hid_t list, haddr_t address, size_t size, void *buffer) {
    (void)list;
    const struct window *window = (const struct window *)file;
    haddr_t length = (haddr_t)window->length;
    if (graft_reading.is_noted && kind == H5FD_MEM_DRAW) {
        graft_reading.address = address;
        graft_reading.size = size;
        return 0;
    }
    if (address > length || size > length - address) return -1;
    for (size_t done = 0; done < size;) {
        ssize_t count
            = pread(window->descriptor, (char *)buffer + done, size - done, window->offset + (off_t)(address + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        done += (size_t)count;
    }
    return 0;
}

static herr_t window_write(
    H5FD_t *file, H5FD_mem_t kind, hid_t list, haddr_t address, size_t size, const void *buffer) {
    (void)kind, (void)list;
    struct window *window = (struct window *)file;
    for (size_t done = 0; done < size;) {
        const char *rest = (const char *)buffer + done;
        ssize_t count = pwrite(window->descriptor, rest, size - done, window->offset + (off_t)(address + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        done += (size_t)count;
    }
    if (address + size > (haddr_t)window->length) window->length = (long long)(address + size);
    return 0;
}

static herr_t window_truncate(H5FD_t *file, hid_t list, hbool_t closing) {
    (void)list, (void)closing;
    struct window *window = (struct window *)file;
    if (ftruncate(window->descriptor, window->offset + (off_t)window->end_of_addresses) != 0) return -1;
    window->length = (long long)window->end_of_addresses;
    return 0;
}

static const H5FD_class_t window_class = {
    .name = "graft",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .open = window_open,
    .close = window_close,
    .cmp = window_cmp,
    .query = window_query,
    .get_eoa = window_get_eoa,
    .set_eoa = window_set_eoa,
    .get_eof = window_get_eof,
    .read = window_read,
    .write = window_write,
    .truncate = window_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t graft_window_access(const struct graft_hdf5_library *h5) {
    hid_t driver = h5->H5FDregister(&window_class);
    hid_t list = h5->H5Pcreate(h5->H5P_CLS_FILE_ACCESS_ID_g);
    if (driver < 0 || list < 0 || h5->H5Pset_driver(list, driver, NULL) < 0) return -1;
    return list;
}
