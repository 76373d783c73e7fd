// The functions of libhdf5 that graft calls, found at run time in a table of their own types.
#pragma once

// Debian puts the headers there; elsewhere they are where all are.
#if __has_include(<hdf5/serial/hdf5.h>)
#include <hdf5/serial/hdf5.h>
#else
#include <hdf5.h>
#endif
// Constants of the headers call the library first, so that it is there.
#undef H5CHECK
#define H5CHECK
#undef H5OPEN
#define H5OPEN

#define GRAFT_HDF5_FUNCTIONS(X) \
    X(H5open) X(H5dont_atexit) X(H5get_libversion) X(H5free_memory) X(H5Eset_auto2) X(H5Ewalk2) X(H5Eclear2) \
    X(H5PLset_loading_state) X(H5FDregister) X(H5Pset_driver) X(H5Fopen) X(H5Fcreate) X(H5Fclose) X(H5Pcreate) \
    X(H5Pclose) X(H5Gopen2) X(H5Gcreate2) X(H5Gclose) X(H5Literate) X(H5Lget_val) X(H5Oget_info_by_name2) \
    X(H5Oget_info2) X(H5Oget_info1) X(H5Dopen2) X(H5Dcreate2) X(H5Dclose) X(H5Dget_type) X(H5Dget_space) \
    X(H5Dget_create_plist) X(H5Dget_offset) X(H5Dget_storage_size) X(H5Dread_chunk) X(H5Dread) \
    X(H5Pget_layout) X(H5Pget_external_count) X(H5Pget_chunk) X(H5Pget_chunk_opts) X(H5Pget_nfilters) \
    X(H5Pget_filter2) X(H5Pfill_value_defined) X(H5Pget_fill_value) X(H5Pset_alignment) \
    X(H5Pset_obj_track_times) X(H5Pset_char_encoding) X(H5Pset_alloc_time) X(H5Pset_fill_time) \
    X(H5Pset_libver_bounds) X(H5Pset_meta_block_size) X(H5Pset_small_data_block_size) X(H5Tcopy) X(H5Tclose) \
    X(H5Tcreate) X(H5Tinsert) X(H5Tenum_create) X(H5Tenum_insert) X(H5Tset_size) X(H5Tset_precision) \
    X(H5Tset_fields) X(H5Tset_ebias) X(H5Tset_cset) X(H5Tset_tag) X(H5Tget_class) X(H5Tget_size) X(H5Tget_order) \
    X(H5Tget_precision) X(H5Tget_offset) X(H5Tget_sign) X(H5Tget_fields) X(H5Tget_ebias) X(H5Tget_norm) \
    X(H5Tget_super) X(H5Tget_nmembers) X(H5Tget_member_name) X(H5Tget_member_value) X(H5Tget_member_offset) \
    X(H5Tget_member_type) X(H5Tget_tag) X(H5Tis_variable_str) X(H5Tget_cset) X(H5Sget_simple_extent_type) \
    X(H5Sget_simple_extent_ndims) X(H5Sget_simple_extent_dims) X(H5Sget_simple_extent_npoints) X(H5Screate) \
    X(H5Screate_simple) X(H5Sclose) X(H5Aiterate2) X(H5Aopen) X(H5Acreate2) X(H5Aclose) X(H5Aread) X(H5Awrite) \
    X(H5Aget_type) X(H5Aget_space) X(H5Aexists) X(H5Dvlen_reclaim)

// Types and classes of property lists, which the headers reach through variables of the library.
#define GRAFT_HDF5_IDS(X) \
    X(H5T_C_S1_g) X(H5T_STD_I8LE_g) X(H5T_STD_I16LE_g) X(H5T_STD_I32LE_g) X(H5T_STD_I64LE_g) X(H5T_STD_U8LE_g) \
    X(H5T_STD_U16LE_g) X(H5T_STD_U32LE_g) X(H5T_STD_U64LE_g) X(H5T_IEEE_F32LE_g) X(H5T_IEEE_F64LE_g) \
    X(H5P_CLS_FILE_ACCESS_ID_g) X(H5P_CLS_FILE_CREATE_ID_g) X(H5P_CLS_DATASET_CREATE_ID_g) \
    X(H5P_CLS_GROUP_CREATE_ID_g) X(H5P_CLS_LINK_CREATE_ID_g) X(H5P_CLS_ATTRIBUTE_CREATE_ID_g)

struct graft_hdf5_library {
#define GRAFT_FUNCTION(name) __typeof__(&name) name;
    GRAFT_HDF5_FUNCTIONS(GRAFT_FUNCTION)
#undef GRAFT_FUNCTION
#define GRAFT_ID(name) hid_t name;
    GRAFT_HDF5_IDS(GRAFT_ID)
#undef GRAFT_ID
};

/// The library, empty until it is loaded.
extern struct graft_hdf5_library graft_hdf5_library;

/// The library, loaded and silent, or NULL where there is none of the version that graft was built for.
const struct graft_hdf5_library *graft_hdf5_load(void);

/// Puts the innermost complaint of the library's last failure into `text`.
void graft_hdf5_complaint(const struct graft_hdf5_library *h5, char *text, size_t capacity);
