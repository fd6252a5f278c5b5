#!/bin/sh
# Stock Debian kernels and the network adapter: DHCP, 256 MiB over NAT, SIZE MiB both ways, offloads and channels as they come and changed, MTU,
# address, link, hot plug under load, a forwarded port, restrict, VLANs, names, IPv6, captures.
# Usage: check-net.sh VERDITE CPIO [PART OF A NAME]; OPTIONS and SIZE from the environment. A row: name, kernel, options, adapters ("user" gets
# the forwarded port; _ is a blank), tests in the guest, queues, seconds.
verdite=$1 cpio=$2 part=$3
passed=0 failed=0 skipped=0
out=build/net
mkdir -p "$out"
. tests/boot/net/host.sh
skip_all()
{
    echo "check-net: skipped: $1"
    exit 0
}
"$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1 || skip_all "verdite has no --net"
serve_files "$out/files" "${SIZE:-32}" || skip_all "$why_not"
if [ ! -s "$out/files/big" ]; then head -c $((256 << 20)) /dev/urandom >"$out/files/big"; fi
big_sum=$("$busybox" sha256sum <"$out/files/big" | cut -d' ' -f1)
# What the guest's lines ask the host to do.
serve() # console, socket, forwarded port
{
    seen=0
    while kill -0 $running 2>/dev/null; do
        lines=$(tr -d '\r' <"$1" | grep -aE '^(LINK-DOWN|LINK-UP|NIC-REMOVE|NIC-ADD|LISTENING)$' | tail -n +$((seen + 1)))
        for line in $lines; do
            seen=$((seen + 1))
            case $line in
            LINK-DOWN) "$verdite" ctl "$2" nic link nic0 down ;;
            LINK-UP) "$verdite" ctl "$2" nic link nic0 up ;;
            NIC-REMOVE) "$verdite" ctl "$2" nic remove nic0 ;;
            NIC-ADD) # in the place of the one before, once the guest has let go of that: it has the same address then
                n=0
                until "$verdite" ctl "$2" nic add user,slot=0 || [ $n -ge 100 ]; do n=$((n + 1)) && sleep 0.2; done
                ;;
            LISTENING) "$busybox" wget -q -O - "http://127.0.0.1:$3/hello" >"$1.forwarded" ;;
            esac
        done
        sleep 0.3
    done >>"$1.ctl" 2>&1
}
# A capture of whole frames: prints how many.
walk_pcap() # each record: 16 bytes, the third word its length
{
    od -A n -v -t u1 -w1 "$1" | awk 'function le(at) { return b[at] + 256 * b[at + 1] + 65536 * b[at + 2] + 16777216 * b[at + 3] }
        { b[NR - 1] = $1 }
        END {
            if (NR < 24 || le(0) != 2712812621) { print "no capture"; exit }
            at = 24
            while (at + 16 <= NR) { n++; at += 16 + le(at + 8) }
            print at == NR ? n : "cut"
        }'
}
while IFS='|' read -r name kernel options nets tests queues seconds; do
    name=$(echo $name) tests=$(echo $tests) queues=$(echo $queues) seconds=$(echo $seconds)
    case $name in '' | '#'*) continue ;; *"$part"*) ;; *) continue ;; esac
    set -- $kernel
    image=$(tests/boot/fetch-kernel.sh "$2" "$1") && initrd=$(tests/boot/net/make-initramfs.sh "$cpio" "${image%/*}") || {
        echo "skipped $name: no kernel, or no packages for its initramfs"
        skipped=$((skipped + 1))
        continue
    }
    console=$out/$name.console socket=$out/$$.socket forwarded=$((port + 1 + passed + failed))
    rm -f "$console" "$console.ctl" "$console.forwarded" "$socket" "$out/$name.pcap"
    set --
    for net in $nets; do
        case $net in user*) net=$net,hostfwd=tcp:127.0.0.1:$forwarded-:80 ;; esac
        set -- "$@" --net "$(echo "$net" | tr _ ' ')"
    done
    case $tests in *dns*) # asks the host's name server, where there is one
        "$busybox" nslookup verdite.invalid 2>&1 | grep -q NXDOMAIN || { tests=$(echo "$tests" | sed 's/,*dns//') && echo "$name: no name server"; }
        ;;
    esac
    case $tests in *capture*) set -- "$@" --pcap "nic0=$out/$name.pcap" ;; esac
    $verdite run --kernel "$image" --initrd "$initrd" $options $OPTIONS --control "$socket" --no-reboot --timeout "$seconds" "$@" \
        --append "console=ttyS0 net_port=$port net_six=$six net_sum=$sum net_put=$put_sum net_big=$big_sum net_queues=$queues net_tests=$tests" \
        </dev/null >"$console" 2>"$console.log" &
    running=$!
    serve "$console" "$socket" $forwarded
    wait $running
    status=$?
    why=
    [ $status = 0 ] || why="exit $status"
    grep -q '^CHECKS PASSED' "$console" || why="$why $(grep -a '^check.*FAILED' "$console" | tr '\r\n' '  ')"
    case $tests in *forward*) [ "$(cat "$console.forwarded" 2>/dev/null)" = forwarded ] || why="$why nothing came through the forwarded port" ;; esac
    case $tests in *capture*)
        frames=$(walk_pcap "$out/$name.pcap")
        case $frames in [1-9]*) ;; *) why="$why the capture: $frames" ;; esac
        ;;
    esac
    if [ -z "$why" ]; then
        echo "passed $name: $(grep -ahE '^(received|sent) ' "$console" | tr '\r\n' ', ') $(grep "^verdite: " "$console.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "FAILED $name: $why; $(grep "^verdite: " "$console.log" | tail -n 1); see $console"
        failed=$((failed + 1))
    fi
done <<ROWS
6.1-cloud-1      | 6.1 cloud  |                 | user          | dhcp,ping,get,put,offloads,mtu,mac,link,hot,forward          | 1 | 600
6.1-cloud-4      | 6.1 cloud  | --cpus 4        | user          | dhcp,ping,big,put,offloads,channels,mtu,link,hotload,forward | 4 | 900
6.1-cloud-virtual| 6.1 cloud  | --clock virtual | user          | dhcp,ping,put,offloads,mtu                                   | 1 | 600
6.1-restrict     | 6.1 cloud  |                 | user,restrict=on | dhcp,ping,restricted,forward                              | 1 | 600
6.1-vlan         | 6.1 cloud  | --cpus 2        | switch=lab,vlan=5 switch=lab,vlan=5 switch=lab,vlan=6 switch=lab,vlan=trunk_5-6 switch=other,vlan=5 | vlan | 2 | 600
6.1-ipv6         | 6.1 cloud  |                 | user,ipv6=on  | dhcp,dns,ipv6                                                | 1 | 600
6.1-capture      | 6.1 cloud  |                 | user          | dhcp,capture                                                 | 1 | 600
6.12-cloud-1     | 6.12 cloud |                 | user          | dhcp,ping,get,put,offloads,mtu,mac,link,hot,forward          | 1 | 600
6.12-cloud-4     | 6.12 cloud | --cpus 4        | user          | dhcp,ping,get,put,offloads,channels,tune,mtu,link,hotload,forward | 4 | 900
7-cloud-1        | 7 cloud    |                 | user          | dhcp,ping,get,put,offloads,mtu,mac,link,hot,forward          | 1 | 600
7-cloud-4        | 7 cloud    | --cpus 4        | user          | dhcp,ping,get,put,offloads,channels,tune,mtu,link,hotload,forward | 4 | 900
ROWS
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
