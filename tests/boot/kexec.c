/* Of a guest, static: start another kernel with this one's command line. Usage: kexec KERNEL INITRD. [LINUX kexec_file_load(2), reboot(2)] */
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char words[4096];
    int proc = open("/proc/cmdline", O_RDONLY);
    int kernel = argc == 3 ? open(argv[1], O_RDONLY) : -1;
    int initrd = argc == 3 ? open(argv[2], O_RDONLY) : -1;
    ssize_t n = proc >= 0 ? read(proc, words, sizeof(words) - 1) : -1;

    if (kernel < 0 || initrd < 0 || n < 0) {
        (void)fprintf(stderr, "usage: kexec KERNEL INITRD\n");
        return 2;
    }
    words[n > 0 && words[n - 1] == '\n' ? n - 1 : n] = '\0';
    if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(words) + 1, words, 0UL) != 0) {
        perror("kexec_file_load");
        return 1;
    }
    (void)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC,
                  NULL);
    perror("reboot");
    return 1;
}
