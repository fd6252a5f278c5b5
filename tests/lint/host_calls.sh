#!/bin/sh
# Fail where a room outside base/host includes a header of the host's system.
bad=$(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<(sys/|linux/|pthread|unistd|signal|fcntl|poll|termios|time|dirent|netdb|netinet/|arpa/|sched|semaphore|spawn|syslog|ucontext)' \
    -r base cpu mmu devices partitions frontend --include='*.[ch]' | grep -v '^base/host/')
[ -z "$bad" ] || { echo "$bad"; exit 1; }
