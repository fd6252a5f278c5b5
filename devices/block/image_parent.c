/* Parents of differencing images: finding and reading them. [MS-VHDX 2.6.2.6, VHD 1.0 "Differencing hard disk"] */
#include <errno.h>
#include <string.h>

#include "devices/block/image_format.h"

/* Join a folder (of an image's name) and a path, backslashes turned; false when too long. */
static bool parent_join(const char *child, const char *path, char *out, size_t size)
{
    const char *slash = strrchr(child, '/');
    size_t folder = slash == NULL || path[0] == '/' ? 0 : (size_t)(slash - child) + 1,
           length = strlen(path);
    if (folder + length >= size) {
        return false;
    }
    memcpy(out, child, folder);
    memcpy(out + folder, path, length + 1);
    return true;
}

static void parent_slashes(char *path)
{
    for (; *path != '\0'; path++) {
        *path = *path == '\\' ? '/' : *path;
    }
}

static const char *parent_last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* The n-th place to look: each path as it is, then its last part beside the child. False: no such place. */
static bool parent_place(const struct image *image, const char *text, bool last_part, char *out,
                         size_t size)
{
    char path[IMAGE_NAME_MAX];
    size_t length = strlen(text);
    if (length == 0 || length >= sizeof(path)) {
        return false;
    }
    memcpy(path, text, length + 1);
    parent_slashes(path);
    const char *what = last_part ? parent_last_part(path) : path;
    bool drive = path[0] != '\0' && path[1] == ':';
    return *what != '\0' && (last_part || !drive) &&
           parent_join(image->file->name, what, out, size);
}

int image_open_parent(struct image *image, const struct image_how *how, const char *const *paths,
                      unsigned n_paths, const struct image_format *wanted, struct error *error)
{
    const struct image_chain chain = { how->chain, image->file };
    const struct image_how parent_how = { .env = how->env, .chain = &chain };
    struct image_file *file = NULL;
    struct error why = { "" };
    int code = -ENOENT;
    for (unsigned i = 0; i < 2 * n_paths && file == NULL; i++) {
        char name[IMAGE_NAME_MAX];
        if (!parent_place(image, paths[i % n_paths], i >= n_paths, name, sizeof(name))) {
            continue;
        }
        code = how->env->open(how->env->opaque, name, 0, &file, &why);
        if (code != 0 && code != -ENOENT) {
            break;
        }
    }
    if (file == NULL) {
        return error_set(error, code, "%.200s: its parent is not there: %.200s", image->file->name,
                         why.text[0] != '\0' ? why.text : "no usable path");
    }
    if (wanted != NULL && !wanted->probe(file)) {
        code = error_set(error, -EINVAL, "%.200s: its parent %.200s is no %s image",
                         image->file->name, file->name, wanted->name);
        image_file_close(file);
        return code;
    }
    return image_open_file(file, wanted, &parent_how, &image->parent, error);
}

int image_read_parent(struct image *image, uint64_t offset, uint8_t *bytes, size_t n)
{
    struct image *parent = image->parent;
    uint64_t there =
        parent != NULL && offset < parent->size_bytes ? parent->size_bytes - offset : 0;
    size_t part = there < n ? (size_t)there : n;
    memset(bytes + part, 0, n - part);
    return part == 0 ? 0 : image_read(parent, offset, bytes, part);
}

bool image_place_in_parent(struct image *image, bool write, uint64_t offset, uint64_t *n,
                           struct image_place *place)
{
    struct image *parent = image->parent;
    if (write || parent == NULL || parent->format->place == NULL || offset > parent->size_bytes ||
        *n > parent->size_bytes - offset || !host_mutex_try(&parent->lock)) {
        return false;
    }
    bool known = parent->format->place(parent, false, offset, n, place);
    host_mutex_unlock(&parent->lock);
    return known;
}

bool image_relative_path(const char *from, const char *to, char *relative, size_t size)
{
    size_t common = 0;
    for (size_t i = 0; from[i] == to[i] && from[i] != '\0'; i++) {
        common = from[i] == '/' ? i + 1 : common;
    }
    size_t used = 0;
    bool up = false;
    for (const char *c = from + common; *c != '\0'; c++) {
        if (*c == '/') {
            if (used + 3 >= size) {
                return false;
            }
            memcpy(relative + used, "..\\", 3);
            used += 3;
            up = true;
        }
    }
    size_t length = strlen(to + common), dot = up ? 0 : 2;
    if (used + dot + length >= size) {
        return false;
    }
    memcpy(relative + used, ".\\", dot);
    used += dot;
    for (size_t i = 0; i <= length; i++) {
        relative[used + i] = to[common + i] == '/' ? '\\' : to[common + i];
    }
    return true;
}
