# A private apt: the host's sources and keys, our own lists and cache, no root. Sourced; sets apt_dir, defines the functions below.
apt_dir=$cache/apt

# Write the configuration once. The host's hooks (they clean the host's cache) do not concern us.
apt_prepare()
{
    mkdir -p "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial"
    cat > "$apt_dir/apt.conf" <<EOF
Dir::State "$apt_dir/state";
Dir::State::status "$apt_dir/status";
Dir::Cache "$apt_dir/cache";
Dir::Log "$apt_dir";
APT::Sandbox::User "$(id -un)";
APT::Architecture "amd64";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
EOF
    : > "$apt_dir/status"
}

# The mirror that the host's sources name.
apt_mirror()
{
    mirror=$(private_apt apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
        sed -n 's/^Debian main //p' | head -n 1)
    [ -n "$mirror" ] || mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] *\)*\([^ ]*\) .*/\2/p' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
    echo "$mirror"
    [ -n "$mirror" ]
}

# Ask another suite of that mirror, instead of the host's suites.
apt_use_suite() # suite
{
    apt_prepare
    mirror=$(apt_mirror) || return 1
    apt_dir=$cache/apt-$1
    apt_prepare
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$apt_dir/sources.list"
    cat >>"$apt_dir/apt.conf" <<EOF
Dir::Etc::SourceList "$apt_dir/sources.list";
Dir::Etc::SourceParts "/nonexistent";
EOF
}

private_apt() # program, arguments
{
    program=$1
    shift
    "$program" -c "$apt_dir/apt.conf" "$@"
}

# Fetch the lists, once a day.
apt_update()
{
    [ -s "$apt_dir/apt.conf" ] || apt_prepare
    [ -z "$(find "$apt_dir/updated" -mtime -1 2>/dev/null)" ] || return 0
    echo "fetching the package lists" >&2
    private_apt apt-get -qq update >"$apt_dir/update.log" 2>&1
    if [ -z "$(find "$apt_dir/state/lists" -name '*_Packages*' | head -n 1)" ]; then
        cat "$apt_dir/update.log" >&2
        return 1
    fi
    touch "$apt_dir/updated"
}

# Newest package whose name matches the extended regular expression.
apt_newest()
{
    private_apt apt-cache pkgnames | grep -E "$1" | sort -V | tail -n 1
}

# The version that would be fetched.
apt_version() # package
{
    private_apt apt-cache madison "$1" | sed -n '1s/^[^|]*| *\([^ |]*\) .*/\1/p'
}

# Download a package (apt verifies it against the signed lists) and unpack it into a directory.
apt_unpack() # package, directory, version (or nothing: the newest)
{
    mkdir -p "$apt_dir/download" "$2"
    rm -f "$apt_dir/download/$1"_*.deb
    ( cd "$apt_dir/download" && private_apt apt-get -qq download "$1${3:+=$3}" ) >"$apt_dir/download.log" 2>&1 || {
        cat "$apt_dir/download.log" >&2
        return 1
    }
    dpkg-deb -x "$apt_dir/download/$1"_*.deb "$2" && rm -f "$apt_dir/download/$1"_*.deb
}
