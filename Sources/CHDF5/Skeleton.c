// Lays a file out: the library writes everything but values, which never pass through it. What is written depends on
// nothing but what is asked for: no times, no addresses of memory.
#define _GNU_SOURCE
#include "CHDF5.h"
#include "Window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct graft_hdf5_skeleton {
    hid_t file;
    hid_t group_list;    // How groups are made,
    hid_t dataset_list;  // datasets,
    hid_t name_list;     // names,
    hid_t text_list;     // and names of attributes.
};

static const struct graft_hdf5_library *h5;
static _Thread_local char failure[512] = "there is no libhdf5 of the version that graft was built for";

int graft_hdf5_is_there(void) { return graft_hdf5_load() != NULL; }

int graft_hdf5_memory_file(void) { return memfd_create("graft-hdf5", MFD_CLOEXEC); }

const char *graft_hdf5_failure(void) { return failure; }

static int failed(void) {
    graft_hdf5_complaint(h5, failure, sizeof failure);
    return -1;
}

static void release(graft_hdf5_skeleton *skeleton) {
    hid_t lists[] = {skeleton->group_list, skeleton->dataset_list, skeleton->name_list, skeleton->text_list};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i] >= 0) h5->H5Pclose(lists[i]);
    }
    free(skeleton);
}

graft_hdf5_skeleton *graft_hdf5_begin(int descriptor, int64_t alignment) {
    h5 = graft_hdf5_load();
    if (!h5) return NULL;
    graft_hdf5_skeleton *skeleton = calloc(1, sizeof *skeleton);
    if (!skeleton) return NULL;
    hid_t access = graft_window_access(h5), creation = h5->H5Pcreate(h5->H5P_CLS_FILE_CREATE_ID_g);
    skeleton->group_list = h5->H5Pcreate(h5->H5P_CLS_GROUP_CREATE_ID_g);
    skeleton->dataset_list = h5->H5Pcreate(h5->H5P_CLS_DATASET_CREATE_ID_g);
    skeleton->name_list = h5->H5Pcreate(h5->H5P_CLS_LINK_CREATE_ID_g);
    skeleton->text_list = h5->H5Pcreate(h5->H5P_CLS_ATTRIBUTE_CREATE_ID_g);
    char path[96];
    graft_window_name(path, sizeof path, descriptor, 0, 0);
    int is_set = access >= 0 && creation >= 0
        && h5->H5Pset_alignment(access, 1, (hsize_t)alignment) >= 0
        && h5->H5Pset_small_data_block_size(access, 0) >= 0
        && h5->H5Pset_obj_track_times(creation, 0) >= 0
        && h5->H5Pset_obj_track_times(skeleton->group_list, 0) >= 0
        && h5->H5Pset_obj_track_times(skeleton->dataset_list, 0) >= 0
        && h5->H5Pset_alloc_time(skeleton->dataset_list, H5D_ALLOC_TIME_EARLY) >= 0
        && h5->H5Pset_fill_time(skeleton->dataset_list, H5D_FILL_TIME_NEVER) >= 0
        && h5->H5Pset_char_encoding(skeleton->name_list, H5T_CSET_UTF8) >= 0
        && h5->H5Pset_char_encoding(skeleton->text_list, H5T_CSET_UTF8) >= 0;
    skeleton->file = is_set ? h5->H5Fcreate(path, H5F_ACC_TRUNC, creation, access) : -1;
    int result = skeleton->file < 0 ? failed() : 0;
    if (access >= 0) h5->H5Pclose(access);
    if (creation >= 0) h5->H5Pclose(creation);
    if (result == 0) return skeleton;
    release(skeleton);
    return NULL;
}

int graft_hdf5_add_group(graft_hdf5_skeleton *skeleton, const char *path) {
    hid_t group = h5->H5Gcreate2(skeleton->file, path, skeleton->name_list, skeleton->group_list, H5P_DEFAULT);
    if (group < 0) return failed();
    h5->H5Gclose(group);
    return 0;
}

static int write_texts(
    const graft_hdf5_skeleton *skeleton, hid_t object, const char *name, int is_list, size_t count,
    const char *const *texts) {
    hsize_t size = count;
    hid_t space = is_list ? h5->H5Screate_simple(1, &size, NULL) : h5->H5Screate(H5S_SCALAR);
    hid_t type = h5->H5Tcopy(h5->H5T_C_S1_g);
    int result = -1;
    if (space >= 0 && type >= 0 && h5->H5Tset_size(type, H5T_VARIABLE) >= 0
        && h5->H5Tset_cset(type, H5T_CSET_UTF8) >= 0) {
        hid_t attribute = h5->H5Acreate2(object, name, type, space, skeleton->text_list, H5P_DEFAULT);
        if (attribute >= 0) {
            result = count == 0 || h5->H5Awrite(attribute, type, texts) >= 0 ? 0 : -1;
            h5->H5Aclose(attribute);
        }
    }
    if (result < 0) failed();
    if (type >= 0) h5->H5Tclose(type);
    if (space >= 0) h5->H5Sclose(space);
    return result;
}

int graft_hdf5_add_attribute(
    graft_hdf5_skeleton *skeleton, const char *path, const char *name, int is_list, size_t count,
    const char *const *texts) {
    hid_t group = h5->H5Gopen2(skeleton->file, path, H5P_DEFAULT);
    if (group < 0) return failed();
    int result = write_texts(skeleton, group, name, is_list, count, texts);
    h5->H5Gclose(group);
    return result;
}

static hid_t integer_type(int is_signed, size_t width) {
    switch (width) {
    case 1: return is_signed ? h5->H5T_STD_I8LE_g : h5->H5T_STD_U8LE_g;
    case 2: return is_signed ? h5->H5T_STD_I16LE_g : h5->H5T_STD_U16LE_g;
    case 4: return is_signed ? h5->H5T_STD_I32LE_g : h5->H5T_STD_U32LE_g;
    default: return is_signed ? h5->H5T_STD_I64LE_g : h5->H5T_STD_U64LE_g;
    }
}

/// A float of two bytes, with its sign in front and a mantissa of `mantissa` bits.
static hid_t narrow_float(size_t mantissa) {
    hid_t type = h5->H5Tcopy(h5->H5T_IEEE_F32LE_g);
    size_t exponent = 15 - mantissa;
    if (h5->H5Tset_fields(type, 15, mantissa, exponent, 0, mantissa) < 0 || h5->H5Tset_precision(type, 16) < 0
        || h5->H5Tset_size(type, 2) < 0 || h5->H5Tset_ebias(type, ((size_t)1 << (exponent - 1)) - 1) < 0)
        return -1;
    return type;
}

/// A new type, to be closed.
static hid_t make_type(graft_hdf5_kind kind, size_t width) {
    switch (kind) {
    case GRAFT_HDF5_SIGNED: return h5->H5Tcopy(integer_type(1, width));
    case GRAFT_HDF5_UNSIGNED: return h5->H5Tcopy(integer_type(0, width));
    case GRAFT_HDF5_FLOAT:
        return width == 2 ? narrow_float(10) : h5->H5Tcopy(width == 4 ? h5->H5T_IEEE_F32LE_g : h5->H5T_IEEE_F64LE_g);
    case GRAFT_HDF5_BRAIN: return narrow_float(7);
    case GRAFT_HDF5_TRUTH: {
        hid_t type = h5->H5Tenum_create(h5->H5T_STD_I8LE_g);
        signed char no = 0, yes = 1;
        if (type < 0 || h5->H5Tenum_insert(type, "FALSE", &no) < 0) return -1;
        if (h5->H5Tenum_insert(type, "TRUE", &yes) < 0) return -1;
        return type;
    }
    case GRAFT_HDF5_COMPLEX: {
        hid_t part = width == 8 ? h5->H5T_IEEE_F32LE_g : h5->H5T_IEEE_F64LE_g;
        hid_t type = h5->H5Tcreate(H5T_COMPOUND, width);
        if (type < 0 || h5->H5Tinsert(type, "r", 0, part) < 0) return -1;
        if (h5->H5Tinsert(type, "i", width / 2, part) < 0) return -1;
        return type;
    }
    case GRAFT_HDF5_OPAQUE: {
        hid_t type = h5->H5Tcreate(H5T_OPAQUE, width);
        if (type < 0 || h5->H5Tset_tag(type, "") < 0) return -1;
        return type;
    }
    }
    return -1;
}

int graft_hdf5_add_dataset(
    graft_hdf5_skeleton *skeleton, const char *path, graft_hdf5_kind kind, size_t width, const char *dtype, int rank,
    const uint64_t *sizes, int64_t *offset, uint64_t *header) {
    hsize_t extents[H5S_MAX_RANK];
    if (rank < 0 || rank > H5S_MAX_RANK) return -1;
    for (int i = 0; i < rank; i++) extents[i] = sizes[i];
    hid_t type = make_type(kind, width);
    hid_t space = rank == 0 ? h5->H5Screate(H5S_SCALAR) : h5->H5Screate_simple(rank, extents, NULL);
    hid_t dataset = type < 0 || space < 0 ? -1
        : h5->H5Dcreate2(skeleton->file, path, type, space, skeleton->name_list, skeleton->dataset_list, H5P_DEFAULT);
    H5O_info_t object;
    int result = dataset >= 0 && (!dtype || write_texts(skeleton, dataset, "dtype", 0, 1, &dtype) == 0)
        && h5->H5Oget_info2(dataset, &object, H5O_INFO_BASIC) >= 0 ? 0 : failed();
    if (result == 0) {
        haddr_t place = h5->H5Dget_offset(dataset);
        *offset = place == HADDR_UNDEF ? -1 : (int64_t)place;
        *header = object.addr;
    }
    if (dataset >= 0) h5->H5Dclose(dataset);
    if (space >= 0) h5->H5Sclose(space);
    if (type >= 0) h5->H5Tclose(type);
    return result;
}

int graft_hdf5_end(graft_hdf5_skeleton *skeleton) {
    int result = h5->H5Fclose(skeleton->file) >= 0 ? 0 : failed();
    release(skeleton);
    return result;
}
