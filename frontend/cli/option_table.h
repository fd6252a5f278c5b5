/* The keys of a machine, one row each: options of the command line, lines of a machine file, --help, the manual page, defaults.
 *
 * X(key, flags, place, parse, argument, fallback, help)
 *   flags     of OPTION_*: LIST, may be given again; SAVED, told by a saved machine; OLD, another way to say what another key says;
 *             SECTION, in a machine file the name of a section
 *   place     what parse fills: OF_CHILD, a field of struct option_child; OF_MACHINE, of struct options
 *   argument  what a value looks like; NULL: on or off, in a command line also nothing
 *   fallback  the default as text; NULL: none
 */
#ifndef FRONTEND_CLI_OPTION_TABLE_H
#define FRONTEND_CLI_OPTION_TABLE_H

/* clang-format off */
#define OPTION_KEYS(X) \
    X("kernel",           SAVED,         OF_CHILD(config.kernel),           text,   "FILE", NULL, "The guest's kernel: a Linux bzImage, or an ELF file with a PVH note. Required.") \
    X("initrd",           SAVED,         OF_CHILD(config.initrd),           text,   "FILE", NULL, "The initial RAM disk handed to the kernel.") \
    X("append",           SAVED,         OF_CHILD(config.append),           words,  "TEXT", NULL, "The kernel's command line.") \
    X("memory",           SAVED,         OF_CHILD(config.memory_bytes),     memory, "SIZE", "512M", "The guest's memory; units K, M, G (M when none).") \
    X("cpus",             SAVED,         OF_CHILD(config.cpus),             cpus,   "N", "1", "The number of virtual processors.") \
    X("disk",             LIST | SAVED,  OF_CHILD(config),                  disk,   "FILE[,...]", NULL, "A disk of a child, or with an ISO image a DVD drive; may be given again. overlay=FILE: changes go to that file, made when it is not there. snapshot=on: changes are forgotten at the end. readonly=on, bus=scsi|ide, lun=N.") \
    X("net",              LIST | SAVED,  OF_CHILD(config),                  net,    "NET", NULL, "A network adapter of a child; may be given again. Default: user where verdite has libslirp, else none. user: the outside by NAT, 10.0.2.0/24; with hostfwd=tcp:[ADDRESS]:PORT-[ADDRESS]:PORT (or udp:), restrict=on, ipv6=on. switch=NAME: a private switch. none. Then name=, mac=, spoof=off (no other address), vlan=, queues=, slot=.") \
    X("pcap",             LIST,          OF_CHILD(config),                  pcap,   "PORT=FILE", NULL, "Capture what passes a port (nic0, ..., or uplink) for Wireshark; may be given again.") \
    X("serial",           0,             OF_CHILD(serial),                  serial, "WHERE", "stdio", "Where the first serial port goes: stdio, file:PATH or none.") \
    X("expect",           0,             OF_CHILD(expect),                  regex,  "REGEX", NULL, "End the run with 0 when a line of the console matches this extended regular expression; a guest that ends without it fails. With several children: when each that expects something has met it.") \
    X("fail-on",          0,             OF_CHILD(fail_on),                 regex,  "REGEX", NULL, "End the run with 1 when a line of the console matches.") \
    X("child",            SECTION,       OF_MACHINE(at_child), section, "NAME", NULL, "The options of a guest that follow, from kernel to fail-on, are of this child; made when there is none of the name.") \
    X("cpu",              SAVED,         OF_MACHINE(config.cpu),            cpu,    "MODEL[,+x,-y]", "verdite64", "The processor model, with features added or taken away.") \
    X("role",             SAVED,         OF_MACHINE(role),                  role,   "ROLE", "child", "child: a child partition under the built-in parent. root: the guest is the root partition. pc: no hypervisor.") \
    X("hypervisor",       SAVED | OLD,   OF_MACHINE(hypervisor),            hypervisor, "on|off", "on", "off is the same as --role pc.") \
    X("timeout",          0,             OF_MACHINE(config.timeout_ns),     timeout, "SECONDS", NULL, "End the run after this wall time, with exit code 124.") \
    X("max-instructions", 0,             OF_MACHINE(config.max_instructions), count, "N", NULL, "End the run after this many guest instructions, with exit code 122.") \
    X("panic",            0,             OF_MACHINE(live_on),               panic,  "WHAT", "end", "When the console tells of a panic: end the run 2 s later, or continue, for a crash kernel or the guest's own restart.") \
    X("no-reboot",        0,             OF_MACHINE(config.no_reboot),      flag,   NULL, NULL, "A reset of the guest ends the run.") \
    X("trace",            0,             OF_MACHINE(config.trace),          text,   "LIST", NULL, "Print the trace events that these comma-separated patterns name, as synic.*,hv.hypercall.") \
    X("dump",             0,             OF_MACHINE(config.dump),           dump,   "LIST", NULL, "Print code as it is first met: insn, block, host.") \
    X("engine",           0,             OF_MACHINE(config),                engine, "NAME", "translator", "What runs guest code: translator, which makes host code of what runs often (translator,eager: of all), or interpreter.") \
    X("host-features",    0,             OF_MACHINE(config.hide_host),      host_features, "LIST", NULL, "What the translator is not to use of this host: -bmi2, -avx, or -exec, memory for code. Without BMI2 or that memory everything is interpreted.") \
    X("check",            0,             OF_MACHINE(config.lockstep),       check,  "lockstep", NULL, "Compare the engines at work: every stretch of translated code is undone and interpreted, and what differs ends the run with 1. With --clock virtual and one processor.") \
    X("strict",           0,             OF_MACHINE(config.strict),         flag,   NULL, NULL, "Fail when the guest uses what is not built yet.") \
    X("seed",             SAVED,         OF_MACHINE(config.seed),           number, "N", "0", "Seed of all randomness that the machine gives.") \
    X("clock",            SAVED,         OF_MACHINE(config.virtual_time),   clock,  "MODE", "realtime", "What guest time follows: realtime, the host's clock; virtual, the number of instructions, so that two runs are the same. The trace hash is printed at the end.") \
    X("trace-hash-every", 0,             OF_MACHINE(config.hash_every),     count,  "N", NULL, "With --clock virtual, print the trace hash every N instructions, to find where two runs part.") \
    X("record",           0,             OF_MACHINE(config.record),         text,   "FILE", NULL, "With --clock virtual, write what is typed, and when, to a file for --input.") \
    X("input",            0,             OF_MACHINE(config.input),          text,   "FILE", NULL, "With --clock virtual, feed a file of --record back in place of the keyboard.") \
    X("save",             0,             OF_MACHINE(config.save),           text,   "FILE", NULL, "With --save-at: where the machine's state goes, for verdite resume FILE. Then the run ends.") \
    X("save-at",          0,             OF_MACHINE(save_at),               save_at, "N[,N]...", NULL, "Save after this many guest instructions, exactly so with --clock virtual. With several, each goes to FILE.N.") \
    X("save-continue",    0,             OF_MACHINE(config.save_continues), flag,   NULL, NULL, "Go on after the last save.") \
    X("trace-json",       0,             OF_MACHINE(config.trace_json),     text,   "FILE", NULL, "Write the trace events that --trace names (without it, all of them) as JSON, one object a line.") \
    X("gdb",              0,             OF_MACHINE(gdb),                   gdb,    "PORT|unix:PATH", NULL, "Let gdb connect: on this port of 127.0.0.1, or on a Unix socket. A machine stops when gdb connects.") \
    X("wait",             0,             OF_MACHINE(wait),                  flag,   NULL, NULL, "With --gdb: stop before the first instruction, until gdb lets the machine go on.") \
    X("control",          0,             OF_MACHINE(control),               text,   "PATH", NULL, "Serve verdite ctl on a Unix socket that only you can open.")
/* clang-format on */

#endif
