// Attributes: texts, and lists of them.
#include "Survey.h"

#include <stdlib.h>
#include <string.h>

/// Puts the texts of an open attribute as `u8 list, u32 count, texts`; gives 0, and puts nothing, where it holds
/// others.
static int put_texts(hid_t attribute, void (*before)(const char *), const char *name) {
    int done = 0;
    hid_t type = h5->H5Aget_type(attribute), space = h5->H5Aget_space(attribute);
    int rank = space < 0 ? -1 : h5->H5Sget_simple_extent_ndims(space);
    hssize_t count = space < 0 ? -1 : h5->H5Sget_simple_extent_npoints(space);
    size_t size = type < 0 ? 0 : h5->H5Tget_size(type);
    int is_text = type >= 0 && h5->H5Tget_class(type) == H5T_STRING;
    if (rank >= 0 && rank <= 1 && count == 0 && h5->H5Sget_simple_extent_type(space) == H5S_SIMPLE) {
        // h5py gives an empty list any type.
        before(name);
        graft_put_u8(1);
        graft_put_u32(0);
        done = 1;
    } else if (is_text && rank >= 0 && rank <= 1 && count > 0 && count <= 1 << 20) {
        int varies = h5->H5Tis_variable_str(type) > 0;
        if (!varies && size > TEXT_LIMIT / (size_t)count) {
            graft_refuse("has an attribute of %lld texts of %zu bytes", (long long)count, size);
        }
        void *values = calloc((size_t)count, varies ? sizeof(char *) : size);
        hid_t memory = h5->H5Tcopy(type);
        if (!values || memory < 0 || h5->H5Aread(attribute, memory, values) < 0) {
            free(values);
            return -1;
        }
        before(name);
        graft_put_u8(rank == 1);
        graft_put_u32((uint32_t)count);
        for (hssize_t i = 0; i < count; i++) {
            if (varies) {
                graft_put_text(((char **)values)[i]);
            } else {
                const char *text = (const char *)values + (size_t)i * size;
                graft_put_bytes(text, strnlen(text, size));
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

static void put_attribute_name(const char *name) {
    graft_put_u8(GRAFT_HDF5_ATTRIBUTE);
    graft_put_text(graft_path);
    graft_put_text(name);
}

static herr_t visit_attribute(hid_t group, const char *name, const H5A_info_t *info, void *others) {
    (void)info;
    if (graft_links_left-- <= 0) graft_fail_saying("it has more attributes than its bytes could hold");
    hid_t attribute = h5->H5Aopen(group, name, H5P_DEFAULT);
    int done = attribute < 0 ? -1 : put_texts(attribute, put_attribute_name, name);
    if (done < 0) graft_fail();
    if (done == 0) (*(hsize_t *)others)++;
    h5->H5Aclose(attribute);
    return 0;
}

hsize_t graft_put_attributes(hid_t group) {
    hsize_t place = 0, others = 0;
    if (h5->H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_NATIVE, &place, visit_attribute, &others) < 0) graft_fail();
    return others;
}

static void put_nothing(const char *name) { (void)name; }

hsize_t graft_put_named_type(hid_t dataset) {
    hid_t attribute = h5->H5Aexists(dataset, "dtype") > 0 ? h5->H5Aopen(dataset, "dtype", H5P_DEFAULT) : -1;
    int done = attribute < 0 ? 0 : put_texts(attribute, put_nothing, NULL);
    if (done < 0) graft_fail();
    if (done == 0) {
        graft_put_u8(0);
        graft_put_u32(0);
    }
    if (attribute >= 0) h5->H5Aclose(attribute);
    return done > 0;
}
