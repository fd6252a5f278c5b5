# Sourced: what the guests of check-net find on the host's loopback. Sets port, sum and put_sum; serves until the script ends.
# Also at ::1, where there is one: six is the port, or empty.
serve_six() # directory
{
    six=$port
    "$busybox" httpd -f -p "[::1]:$port" -h "$1" 2>/dev/null &
    httpd_six=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 $httpd_six 2>/dev/null || break
        "$busybox" wget -q -O - "http://[::1]:$port/small" 2>/dev/null | cmp -s - "$1/small" && return
        sleep 0.3
    done
    six=
}
# serve_files DIRECTORY MIB; false, with why_not, when the host cannot.
serve_files()
{
    busybox=$(command -v busybox) || { why_not="no busybox on this host to serve files with"; return 1; }
    for applet in httpd sha256sum wget; do
        "$busybox" --list | grep -qx $applet || { why_not="this host's busybox has no $applet"; return 1; }
    done
    mkdir -p "$1/cgi-bin"
    [ "$(stat -c %s "$1/data" 2>/dev/null)" = $(($2 << 20)) ] || head -c $(($2 << 20)) /dev/urandom >"$1/data"
    base64 "$1/data" | head -c $(($2 << 19)) >"$1/small" # text: busybox posts up to a 0
    sum=$("$busybox" sha256sum <"$1/data" | cut -d' ' -f1)
    put_sum=$("$busybox" sha256sum <"$1/small" | cut -d' ' -f1)
    port=$((20000 + $$ % 20000))
    printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nhead -c "$CONTENT_LENGTH" | "%s" sha256sum\n' "$busybox" >"$1/cgi-bin/sum"
    printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\nheld\\n"\nexec sleep 100\n' >"$1/cgi-bin/slow"
    chmod +x "$1/cgi-bin/sum" "$1/cgi-bin/slow"
    for _ in 1 2 3 4 5; do # the port may be taken
        "$busybox" httpd -f -p 127.0.0.1:$port -h "$1" 2>/dev/null &
        httpd=$!
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            kill -0 $httpd 2>/dev/null || break
            if "$busybox" wget -q -O - http://127.0.0.1:$port/small 2>/dev/null | cmp -s - "$1/small"; then
                serve_six "$1"
                trap 'kill $httpd $httpd_six 2>/dev/null' EXIT
                return 0
            fi
            sleep 0.3
        done
        kill $httpd 2>/dev/null
        port=$((20000 + (port + 37) % 20000))
    done
    why_not="no port of the loopback to serve files at"
    return 1
}
