/* Write an initramfs from a list, device nodes too, without being root. [LINUX
 * Documentation/driver-api/early-userspace/buffer-format.rst] */
/*
 * usage: cpio < LIST > ARCHIVE. Each line of LIST is one of
 *   dir PATH MODE            link PATH TARGET
 *   file PATH MODE SOURCE    char PATH MODE MAJOR MINOR
 * MODE is octal. The format is "newc": a header of hexadecimal fields, name and data each padded to
 * four bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct entry {
    const char *name;
    unsigned mode, major, minor;
    const void *data;
    size_t length;
};

static size_t written;
static unsigned serial;

static void put(const void *data, size_t length)
{
    if (fwrite(data, 1, length, stdout) != length) {
        perror("cpio: write");
        exit(1);
    }
    written += length;
}

static void pad(void)
{
    static const char zeros[4];
    put(zeros, (4 - written % 4) % 4);
}

static void put_entry(const struct entry *entry)
{
    char header[128];
    /* magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize
     * check */
    int n = snprintf(header, sizeof(header),
                     "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ++serial,
                     entry->mode, 0u, 0u, 1u, 0u, entry->length, 0u, 0u, entry->major, entry->minor,
                     strlen(entry->name) + 1, 0u);
    put(header, (size_t)n);
    put(entry->name, strlen(entry->name) + 1);
    pad();
    put(entry->data, entry->length);
    pad();
}

static void put_file(struct entry *entry, const char *source)
{
    FILE *file = fopen(source, "rb");
    struct stat facts;
    if (file == NULL || fstat(fileno(file), &facts) != 0) {
        perror(source);
        exit(1);
    }
    entry->length = (size_t)facts.st_size;
    char *data = malloc(entry->length + 1);
    if (data == NULL || fread(data, 1, entry->length, file) != entry->length) {
        fprintf(stderr, "cpio: %s: cannot be read\n", source);
        exit(1);
    }
    (void)fclose(file);
    entry->data = data;
    put_entry(entry);
    free(data);
}

static int put_line(char *line)
{
    char kind[8], path[256], last[1024] = "";
    unsigned mode = 0, major = 0, minor = 0;
    if (line[0] == '#' || sscanf(line, " %7s %255s", kind, path) != 2) {
        return 0;
    }
    struct entry entry = { .name = path + (path[0] == '/'),
                           .data = "" }; /* archives name paths from the root */
    if (strcmp(kind, "dir") == 0 && sscanf(line, " dir %255s %o", path, &mode) == 2) {
        entry.mode = S_IFDIR | mode;
        put_entry(&entry);
    } else if (strcmp(kind, "link") == 0 && sscanf(line, " link %255s %1023s", path, last) == 2) {
        entry.mode = S_IFLNK | 0777;
        entry.data = last;
        entry.length = strlen(last);
        put_entry(&entry);
    } else if (strcmp(kind, "file") == 0 &&
               sscanf(line, " file %255s %o %1023[^\n]", path, &mode, last) == 3) {
        entry.mode = S_IFREG | mode;
        put_file(&entry, last);
    } else if (strcmp(kind, "char") == 0 &&
               sscanf(line, " char %255s %o %u %u", path, &mode, &major, &minor) == 4) {
        entry.mode = S_IFCHR | mode;
        entry.major = major;
        entry.minor = minor;
        put_entry(&entry);
    } else {
        fprintf(stderr, "cpio: cannot read: %s", line);
        return 1;
    }
    return 0;
}

int main(void)
{
    char line[2048];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (put_line(line) != 0) {
            return 1;
        }
    }
    put_entry(&(struct entry){ .name = "TRAILER!!!", .data = "" });
    return fflush(stdout) == 0 ? 0 : 1;
}
