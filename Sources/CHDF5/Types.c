// Types of elements: what there is to know of numbers, and of what may be numbers.
#include "Survey.h"

static hid_t not_negative(hid_t id) {
    if (id < 0) graft_fail();
    return id;
}

/// Refuses a type in which others lie deeper than anybody puts them: each is looked at by a call of its own, here and
/// where the answer is read.
static void check_depth(hid_t type, int depth) {
    if (depth > GRAFT_HDF5_TYPE_DEPTH) graft_refuse("has a type that lies in over %d others", GRAFT_HDF5_TYPE_DEPTH);
    switch (h5->H5Tget_class(type)) {
    case H5T_ENUM:
    case H5T_ARRAY:
    case H5T_VLEN: {
        hid_t base = not_negative(h5->H5Tget_super(type));
        check_depth(base, depth + 1);
        h5->H5Tclose(base);
        break;
    }
    case H5T_COMPOUND: {
        int count = h5->H5Tget_nmembers(type);
        for (int i = 0; i < count; i++) {
            hid_t member = not_negative(h5->H5Tget_member_type(type, (unsigned)i));
            check_depth(member, depth + 1);
            h5->H5Tclose(member);
        }
        break;
    }
    default: break;
    }
}

static void put_type(hid_t type, int is_member) {
    H5T_class_t kind = h5->H5Tget_class(type);
    size_t size = h5->H5Tget_size(type);
    if (kind < 0 || size == 0 || size > UINT32_MAX) graft_fail();
    graft_put_u8((uint8_t)kind);
    graft_put_u32((uint32_t)size);
    switch (kind) {
    case H5T_INTEGER:
        graft_put_u8(h5->H5Tget_order(type) == H5T_ORDER_BE);
        graft_put_u32((uint32_t)h5->H5Tget_precision(type));
        graft_put_u32((uint32_t)h5->H5Tget_offset(type));
        graft_put_u8(h5->H5Tget_sign(type) == H5T_SGN_2);
        break;
    case H5T_FLOAT: {
        size_t fields[5] = {0};
        if (h5->H5Tget_fields(type, &fields[0], &fields[1], &fields[2], &fields[3], &fields[4]) < 0) graft_fail();
        H5T_order_t order = h5->H5Tget_order(type);
        graft_put_u8(order == H5T_ORDER_BE ? 1 : order == H5T_ORDER_LE ? 0 : 2);
        graft_put_u32((uint32_t)h5->H5Tget_precision(type));
        graft_put_u32((uint32_t)h5->H5Tget_offset(type));
        for (int i = 0; i < 5; i++) graft_put_u32((uint32_t)fields[i]);
        graft_put_u64(h5->H5Tget_ebias(type));
        graft_put_u8((uint8_t)h5->H5Tget_norm(type));
        break;
    }
    case H5T_ENUM: {
        int count = h5->H5Tget_nmembers(type);
        if (count < 0) graft_fail();
        hid_t base = not_negative(h5->H5Tget_super(type));
        graft_put_u32((uint32_t)count);
        for (int i = 0; i < count && i < 2; i++) {
            char *name = h5->H5Tget_member_name(type, (unsigned)i);
            unsigned char value[8] = {0};
            if (!name || (size <= 8 && h5->H5Tget_member_value(type, (unsigned)i, value) < 0)) graft_fail();
            graft_put_text(name);
            graft_put(value, 8);
            h5->H5free_memory(name);
        }
        put_type(base, 1);
        h5->H5Tclose(base);
        break;
    }
    case H5T_COMPOUND: {
        int count = h5->H5Tget_nmembers(type);
        if (count < 0) graft_fail();
        // More than two members, or members of members, are nothing that is read.
        if (is_member) count = 0;
        graft_put_u32((uint32_t)count);
        for (int i = 0; i < count && i < 2; i++) {
            char *name = h5->H5Tget_member_name(type, (unsigned)i);
            hid_t member = not_negative(h5->H5Tget_member_type(type, (unsigned)i));
            if (!name) graft_fail();
            graft_put_text(name);
            graft_put_u32((uint32_t)h5->H5Tget_member_offset(type, (unsigned)i));
            put_type(member, 1);
            h5->H5free_memory(name);
            h5->H5Tclose(member);
        }
        break;
    }
    case H5T_OPAQUE: {
        char *tag = h5->H5Tget_tag(type);
        graft_put_text(tag);
        if (tag) h5->H5free_memory(tag);
        break;
    }
    default: break;
    }
}

void graft_put_type(hid_t type) {
    check_depth(type, 0);
    put_type(type, 0);
}
