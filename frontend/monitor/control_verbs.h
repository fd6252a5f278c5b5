/* The control socket's verbs: this table makes the parser, the help, and the man page.
 *
 * X(name, child, arguments, least, most, help): does it ask one child; how many arguments there may be.
 */
#ifndef FRONTEND_MONITOR_CONTROL_VERBS_H
#define FRONTEND_MONITOR_CONTROL_VERBS_H

#include <stdbool.h>

/* clang-format off */
#define CONTROL_VERBS(X)                                                                                         \
    X(help,     0, "",       0, 0, "What verbs there are.")                                                          \
    X(status,   0, "",       0, 0, "Whether the machine runs, its instructions, its guest time.")                    \
    X(pause,    0, "",       0, 0, "Let the machine stand still; guest time stands still too.")                      \
    X(resume,   0, "",       0, 0, "Let it run on.")                                                                 \
    X(reset,    1, "",       0, 0, "Press its reset button. A paused machine resets when it runs on.")               \
    X(save,     0, "FILE",   1, 1, "Save the machine's state, for verdite resume FILE; it goes on.")                 \
    X(power_off, 1, "",      0, 0, "Pull the plug of a child: its guest ends, others run on. The last one ends the run.") \
    X(quit,     0, "",       0, 0, "End the run, with exit code 0.")                                                 \
    X(inspect,  0, "[PATH]", 0, 1, "The machine as a tree of objects, or what is at PATH, as partitions/2/vps/0.") \
    X(shutdown, 1, "[off|reboot|hibernate] [force]", 0, 2, "Ask the guest's system to power off (or to restart).") \
    X(timesync, 1, "",      0, 0, "Set the guest's clock to the host's time.") \
    X(kvp,      1, "list|get KEY|set KEY VALUE|delete KEY", 1, 3, "Key-value pairs: what the guest says of itself, what it is told.") \
    X(type,     1, "TEXT",   1, 1, "Type on the guest's keyboard: ASCII, with \\n for Enter, \\t, \\b, \\e and \\\\.") \
    X(console,  1, "TEXT",   1, 1, "Type into the guest's first serial port: as type, \\n ends a line.") \
    X(rescind,  1, "DEVICE", 1, 1, "Take a VMBus device from the guest: its name, or the beginning of its instance GUID.") \
    X(offer,    1, "DEVICE", 1, 1, "Offer it again.") \
    X(nic,      1, "list|add NET|remove NAME|link NAME up|link NAME down|capture PORT=FILE", 1, 3, "Network adapters: NET as --net takes it.") \
    X(disk,     1, "add FILE[,...]|remove LUN|list", 1, 2, "Put a disk into the guest as --disk does, take one away, or show them.") \
    X(devices,  1, "",       0, 0, "The VMBus devices: offered or not, channels, counters.") \
    X(memory,   1, "",       0, 0, "What a child takes: pages of the hypervisor, channels, GPADLs; what the process has allocated.")
/* clang-format on */

struct control_verb {
    const char *name, *arguments, *help;
    bool child;
    unsigned least, most;
};

/* By index; NULL after the last. */
const struct control_verb *control_verb(unsigned index);

#endif
