#!/bin/sh
# Stock Debian kernels and the network adapter: DHCP, SIZE=32 MiB over NAT both ways, offloads, channels, MTU, address, link, hot plug, a
# forwarded port. Usage: check-net.sh VERDITE CPIO [PART OF A NAME]; OPTIONS and SIZE from the environment. A row: name, kernel, options, tests in the guest, queues, seconds.
verdite=$1 cpio=$2 part=$3
passed=0 failed=0 skipped=0
out=build/net
mkdir -p "$out"
skip_all()
{
    echo "check-net: skipped: $1"
    exit 0
}
"$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1 || skip_all "verdite has no --net"
busybox=$(command -v busybox) || skip_all "no busybox on this host to serve files with"
for applet in httpd sha256sum wget; do
    "$busybox" --list | grep -qx $applet || skip_all "this host's busybox has no $applet"
done
[ -s "$out/data" ] || head -c $((${SIZE:-32} << 20)) /dev/urandom >"$out/data"
[ -s "$out/small" ] || base64 "$out/data" | head -c $((${SIZE:-32} << 19)) >"$out/small" # text: busybox posts up to a 0
sum=$("$busybox" sha256sum <"$out/data" | cut -d' ' -f1)
put_sum=$("$busybox" sha256sum <"$out/small" | cut -d' ' -f1)
port=$((20000 + $$ % 20000))
mkdir -p "$out/cgi-bin"
printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nhead -c "$CONTENT_LENGTH" | "%s" sha256sum\n' "$busybox" >"$out/cgi-bin/sum"
chmod +x "$out/cgi-bin/sum"
"$busybox" httpd -f -p 127.0.0.1:$port -h "$out" &
httpd=$!
trap 'kill $httpd 2>/dev/null' EXIT
# What the guest's lines ask the host to do.
serve() # console, socket
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
            NIC-ADD) "$verdite" ctl "$2" nic add user ;;
            LISTENING) "$busybox" wget -q -O - http://127.0.0.1:$((port + 1))/hello >"$1.forwarded" ;;
            esac
        done
        sleep 0.3
    done >>"$1.ctl" 2>&1
}
while IFS='|' read -r name kernel options tests queues seconds; do
    name=$(echo $name) tests=$(echo $tests) queues=$(echo $queues) seconds=$(echo $seconds)
    case $name in '' | '#'*) continue ;; *"$part"*) ;; *) continue ;; esac
    set -- $kernel
    image=$(tests/boot/fetch-kernel.sh "$2" "$1") && initrd=$(tests/boot/net/make-initramfs.sh "$cpio" "${image%/*}") || {
        echo "skipped $name: no kernel, or no packages for its initramfs"
        skipped=$((skipped + 1))
        continue
    }
    console=$out/$name.console socket=$out/$$.socket
    rm -f "$console" "$console.ctl" "$console.forwarded" "$socket"
    $verdite run --kernel "$image" --initrd "$initrd" $options $OPTIONS --control "$socket" --no-reboot --timeout "$seconds" \
        --net user,hostfwd=tcp:127.0.0.1:$((port + 1))-:80 \
        --append "console=ttyS0 net_port=$port net_sum=$sum net_put=$put_sum net_queues=$queues net_tests=$tests" \
        </dev/null >"$console" 2>"$console.log" &
    running=$!
    serve "$console" "$socket"
    wait $running
    status=$?
    why=
    [ $status = 0 ] || why="exit $status"
    grep -q '^CHECKS PASSED' "$console" || why="$why $(grep -a '^check.*FAILED' "$console" | tr '\r\n' '  ')"
    case $tests in *forward*) [ "$(cat "$console.forwarded" 2>/dev/null)" = forwarded ] || why="$why nothing came through the forwarded port" ;; esac
    if [ -z "$why" ]; then
        echo "passed $name: $(grep -ahE '^(received|sent) ' "$console" | tr '\r\n' ', ') $(grep "^verdite: " "$console.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "FAILED $name: $why; $(grep "^verdite: " "$console.log" | tail -n 1); see $console"
        failed=$((failed + 1))
    fi
done <<ROWS
6.1-cloud        | 6.1 cloud  |                                     | dhcp,ping,get,put,offloads,mtu,mac,link,hot,forward | 1 | 400
6.1-cloud-4      | 6.1 cloud  | --cpus 4                            | dhcp,ping,get,put,offloads,channels,mtu,link,hot    | 4 | 600
6.1-cloud-virtual| 6.1 cloud  | --clock virtual                     | dhcp,ping,put,offloads,mtu                          | 1 | 400
6.12-cloud       | 6.12 cloud | --cpus 2                            | dhcp,ping,get,put,offloads,channels,mtu,link,hot    | 2 | 600
7-cloud          | 7 cloud    | --cpus 2                            | dhcp,ping,get,put,offloads,channels,mtu,link,hot    | 2 | 600
ROWS
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
