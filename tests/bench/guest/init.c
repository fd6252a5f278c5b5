/* The benchmark guest's first program: runs rows of /rows and prints two lines about each. [LINUX reboot(2)] */
/*
 * Kernel words (they come as environment): rows=NAME:COUNT,...  or mode=boot (power off at once) or mode=idle.
 * START name     BENCH name status hash-of-its-output
 * Who watches the console takes the time between the lines. Not as the first process (natively) it runs the
 * rows, too, with the same words in the environment.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void mount_all(void)
{
    static const char *const type[][2] = { { "devtmpfs", "/dev" },
                                           { "proc", "/proc" },
                                           { "sysfs", "/sys" } };

    for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
        mkdir(type[i][1], 0755);
        mount(type[i][0], type[i][1], type[i][0], 0, NULL);
    }
    int console = open("/dev/console", O_RDWR);
    for (int i = 0; console >= 0 && i < 3; i++) {
        dup2(console, i);
    }
}

/* FNV-1a of what the command prints; its exit status. */
static uint32_t run(const char *command, const char *count, int *status)
{
    static char buffer[1 << 16];
    uint32_t hash = UINT32_C(2166136261);
    int ends[2];

    *status = -1;
    if (pipe(ends) != 0) {
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        setenv("N", count, 1);
        execl("/bin/busybox", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t length; (length = read(ends[0], buffer, sizeof(buffer))) > 0;) {
        for (ssize_t i = 0; i < length; i++) {
            hash = (hash ^ (uint8_t)buffer[i]) * UINT32_C(16777619);
        }
    }
    close(ends[0]);
    waitpid(child, status, 0);
    return hash;
}

/* The command of a row. False: there is none of that name. */
static int find_row(const char *name, char *line, size_t size, char **command)
{
    FILE *rows = fopen("/rows", "r");
    int found = 0;

    while (rows != NULL && !found && fgets(line, (int)size, rows) != NULL) {
        int at = 0;
        char here[32];
        found =
            sscanf(line, "%31s %*s %*s %n", here, &at) == 1 && at > 0 && strcmp(here, name) == 0;
        line[strcspn(line, "\n")] = '\0';
        *command = line + at;
    }
    if (rows != NULL) {
        fclose(rows);
    }
    return found;
}

static void run_rows(char *wanted)
{
    static char line[2048];
    char *command;
    int status;

    if (system("/bin/busybox mkdir -p /tmp; /bin/kernels text 2000000 >/tmp/text") != 0) {
        printf("no room for /tmp/text\n");
        return;
    }
    for (char *row = strtok(wanted, ","); row != NULL; row = strtok(NULL, ",")) {
        char *count = strchr(row, ':');
        if (count == NULL) {
            continue;
        }
        *count++ = '\0';
        if (!find_row(row, line, sizeof(line), &command)) {
            printf("no row %s\n", row);
            continue;
        }
        printf("START %s\n", row);
        fflush(stdout);
        uint32_t hash = run(command, count, &status);
        printf("BENCH %s %d %08x\n", row, status, hash);
        fflush(stdout);
    }
}

int main(void)
{
    int guest = getpid() == 1;
    char *rows = getenv("rows"), *mode = getenv("mode");

    if (guest) {
        mount_all();
    }
    setenv("PATH", "/bin:/usr/bin", 1);
    setenv("LC_ALL", "C", 1);
    printf("\nUP\n");
    fflush(stdout);
    if (mode != NULL && strcmp(mode, "idle") == 0) {
        for (;;) {
            pause();
        }
    }
    if (rows != NULL) {
        run_rows(rows);
    }
    printf("DONE\n");
    fflush(stdout);
    if (guest) {
        tcdrain(1);
        reboot(RB_POWER_OFF);
    }
    return 0;
}
