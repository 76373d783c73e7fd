#include "Library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct graft_hdf5_library graft_hdf5_library;
static int is_loaded;

static void *open_library(void) {
    // Debian's name, the usual one, and both without the number of the interface.
    static const char *const names[] = {
        "libhdf5_serial.so.103", "libhdf5.so.103", "libhdf5_serial.so", "libhdf5.so",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (handle) return handle;
    }
    return NULL;
}

static void load(void) {
    void *handle = open_library();
    if (!handle) return;
#define GRAFT_FUNCTION(name) \
    *(void **)(&graft_hdf5_library.name) = dlsym(handle, #name); \
    if (!graft_hdf5_library.name) return;
    GRAFT_HDF5_FUNCTIONS(GRAFT_FUNCTION)
#undef GRAFT_FUNCTION
    unsigned major, minor, release;
    if (graft_hdf5_library.H5get_libversion(&major, &minor, &release) < 0) return;
    // Structures of other versions differ.
    if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR) return;
    graft_hdf5_library.H5dont_atexit();
    if (graft_hdf5_library.H5open() < 0) return;
#define GRAFT_ID(name) { \
        const hid_t *place = dlsym(handle, #name); \
        if (!place) return; \
        graft_hdf5_library.name = *place; \
    }
    GRAFT_HDF5_IDS(GRAFT_ID)
#undef GRAFT_ID
    // No code is loaded because a file names a filter.
    graft_hdf5_library.H5PLset_loading_state(0);
    is_loaded = 1;
}

const struct graft_hdf5_library *graft_hdf5_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (!is_loaded) return NULL;
    graft_hdf5_library.H5Eset_auto2(H5E_DEFAULT, NULL, NULL);  // A setting of the thread.
    return &graft_hdf5_library;
}

struct complaint {
    char *text;
    size_t capacity;
};

static herr_t keep_complaint(unsigned number, const H5E_error2_t *error, void *context) {
    (void)number;
    struct complaint *complaint = context;
    if (error->desc) snprintf(complaint->text, complaint->capacity, "%s", error->desc);
    return 0;
}

void graft_hdf5_complaint(const struct graft_hdf5_library *h5, char *text, size_t capacity) {
    struct complaint complaint = {text, capacity};
    snprintf(text, capacity, "it does not say why");
    // From the outermost call inwards, so that the innermost stays.
    h5->H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_complaint, &complaint);
}
