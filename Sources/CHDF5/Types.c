// Types of elements: what there is to know of numbers, and of what may be numbers.
#include "Survey.h"

static void put_type(hid_t type, const char *path, int depth) {
    H5T_class_t kind = h5->H5Tget_class(type);
    size_t size = h5->H5Tget_size(type);
    if (kind < 0 || size == 0 || size > UINT32_MAX) graft_fail(path);
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
        if (h5->H5Tget_fields(type, &fields[0], &fields[1], &fields[2], &fields[3], &fields[4]) < 0) graft_fail(path);
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
        hid_t base = h5->H5Tget_super(type);
        if (count < 0 || base < 0) graft_fail(path);
        graft_put_u32((uint32_t)count);
        for (int i = 0; i < count && i < 2; i++) {
            char *name = h5->H5Tget_member_name(type, (unsigned)i);
            unsigned char value[8] = {0};
            if (!name || (size <= 8 && h5->H5Tget_member_value(type, (unsigned)i, value) < 0)) graft_fail(path);
            graft_put_text(name);
            graft_put(value, 8);
            h5->H5free_memory(name);
        }
        put_type(base, path, depth + 1);
        h5->H5Tclose(base);
        break;
    }
    case H5T_COMPOUND: {
        int count = h5->H5Tget_nmembers(type);
        if (count < 0) graft_fail(path);
        // More than two members, or members of members, are nothing that is read.
        if (depth > 0) count = 0;
        graft_put_u32((uint32_t)count);
        for (int i = 0; i < count && i < 2; i++) {
            char *name = h5->H5Tget_member_name(type, (unsigned)i);
            hid_t member = h5->H5Tget_member_type(type, (unsigned)i);
            if (!name || member < 0) graft_fail(path);
            graft_put_text(name);
            graft_put_u32((uint32_t)h5->H5Tget_member_offset(type, (unsigned)i));
            put_type(member, path, depth + 1);
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

void graft_put_type(hid_t type, const char *path) { put_type(type, path, 0); }
