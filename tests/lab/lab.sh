# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# A lab of three network namespaces on one machine: phones inside, the firewall, phones outside.
#
#   lan                          fw                             wan
#   eth0 10.0.0.20 .21 .22 ...   veth-lan 10.0.0.1              eth0 203.0.113.1
#                                veth-wan 203.0.113.2           lo   198.51.100.5 .6 .7
#
# The wires are veth pairs without offloads. `pinholed` has both ends in fw through net_af_packet;
# with LAB_FIREWALL=kernel Linux forwards instead, without NAT, to try a scenario on its own.
#
# A script sources this file, calls lab_open, and leaves the rest to the trap: whatever way it ends,
# what it started is ended by process id and the namespaces are removed. Several labs can run at the
# same time; names hold the process id.
#
#   lab_open                     namespaces, wires, addresses; LAB_DIR for files
#   lab_firewall [SIP-LINE...]   start the firewall, with lines for the SIP profile
#   lab_bad_wire lan|wan LOSS LATE   before lab_firewall: percent of frames lost, and late
#   lab_host NAME IP             a machine of its own for one phone inside, as namespace NAME
#   lab_far_host NAME IP         the same outside, behind wan as behind a router
#   lab_run NS NAME COMMAND...   in the background; its pid in LAB_PID, output in LAB_DIR/NAME.log
#   lab_in NS COMMAND...         in the foreground
#   lab_cli LINE                 one CLI command
#   lab_capture NS NAME [FILTER] dumpcap on that side; lab_stop it before reading LAB_DIR/NAME.pcap
#   lab_stop PID [SIGNAL]        end one process and wait for it
#   lab_wait PID SECONDS         wait for one process; its exit status, 124 when it took too long

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_BUILD=${LAB_BUILD:-$LAB_ROOT/build}
LAB_FIREWALL=${LAB_FIREWALL:-pinholed}
LAB_INSIDE=(10.0.0.20 10.0.0.21 10.0.0.22 10.0.0.23)
LAB_OUTSIDE=(198.51.100.5 198.51.100.6 198.51.100.7)
# shellcheck disable=SC2034 # for the tests
LAB_PUBLIC=203.0.113.2
LAB_PIDS=()
LAB_PID=
LAB_SPACES=()

# Say why a lab cannot be made here; nothing when it can.
lab_obstacle() {
    local probe=ph-probe-$$
    command -v ip >/dev/null || { echo "iproute2 is not installed"; return; }
    command -v sipp >/dev/null || { echo "sip-tester is not installed"; return; }
    command -v dumpcap >/dev/null || { echo "tshark is not installed"; return; }
    if ! ip netns add $probe 2>/dev/null; then
        echo "network namespaces are not permitted"
    elif ! ip -n $probe link add veth0 type veth peer name veth1 2>/dev/null; then
        echo "veth pairs are not permitted"
    fi
    ip netns del $probe 2>/dev/null
}

# Someone who is not root may make namespaces inside a user namespace of their own, where the
# kernel lets them: start the script again in there. Returns when that is not needed or not allowed.
lab_become_root() { # lab_become_root SCRIPT ARGUMENTS...: the script by its path from the root
    [ "$(id -u)" -ne 0 ] && [ -z "${LAB_UNSHARED:-}" ] || return 0
    unshare --user --map-root-user --mount --net true 2>/dev/null || return 0
    export LAB_UNSHARED=1
    exec unshare --user --map-root-user --mount --net \
        bash -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && exec "$@"' - "$LAB_ROOT/$@"
}

lab_close() {
    local pid ns
    trap '' INT TERM
    for pid in "${LAB_PIDS[@]}"; do
        kill "$pid" 2>/dev/null
    done
    for pid in "${LAB_PIDS[@]}"; do
        lab_wait "$pid" 5 >/dev/null || kill -9 "$pid" 2>/dev/null
    done
    LAB_PIDS=()
    for ns in "${LAB_SPACES[@]}"; do
        [ -n "${LAB_ID:-}" ] && ip netns del "$LAB_ID-$ns" 2>/dev/null
    done
    LAB_SPACES=()
    if [ -n "${LAB_DIR:-}" ] && [ -z "${LAB_KEEP:-}" ]; then
        rm -rf "$LAB_DIR"
    fi
    LAB_ID=
    LAB_DIR=
}

lab_open() {
    local ip
    LAB_ID=ph$$
    ulimit -S -l "$(ulimit -H -l)"
    LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/pinhole-lab.XXXXXX")
    trap 'lab_close' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    LAB_SPACES=(lan fw wan)
    for ns in "${LAB_SPACES[@]}"; do
        lab_space "$ns"
    done
    ip -n "$LAB_ID-lan" link add eth0 address 02:00:0a:00:00:14 type veth \
        peer name veth-lan address 02:00:0a:00:00:01 netns "$LAB_ID-fw"
    ip -n "$LAB_ID-wan" link add eth0 address 02:00:cb:00:71:01 type veth \
        peer name veth-wan address 02:00:cb:00:71:02 netns "$LAB_ID-fw"
    lab_wire lan eth0
    lab_wire wan eth0
    lab_wire fw veth-lan
    lab_wire fw veth-wan
    for ip in "${LAB_INSIDE[@]}"; do
        ip -n "$LAB_ID-lan" address add "$ip/24" dev eth0
    done
    ip -n "$LAB_ID-lan" route add default via 10.0.0.1
    ip -n "$LAB_ID-wan" address add 203.0.113.1/24 dev eth0
    for ip in "${LAB_OUTSIDE[@]}"; do
        ip -n "$LAB_ID-wan" address add "$ip/32" dev lo
    done
    # What a phone sends without naming its address comes from the first one.
    ip -n "$LAB_ID-wan" route replace 203.0.113.0/24 dev eth0 src "${LAB_OUTSIDE[0]}"
}

lab_space() { # lab_space NAME: an empty machine
    ip netns add "$LAB_ID-$1"
    lab_in "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$LAB_ID-$1" link set lo up
}

# A phone inside with a machine of its own, for programs that leave the choice of the source address
# to the kernel: namespace NAME on the wire of lan. Before anything there uses the address.
lab_host() { # lab_host NAME IP
    local name=$1 ip=$2
    lab_space "$name"
    LAB_SPACES+=("$name")
    ip -n "$LAB_ID-lan" address del "$ip/24" dev eth0 2>/dev/null
    ip -n "$LAB_ID-lan" link add link eth0 name "$name" type macvlan mode bridge
    ip -n "$LAB_ID-lan" link set "$name" netns "$LAB_ID-$name"
    ip -n "$LAB_ID-$name" link set "$name" name eth0
    lab_wire "$name" eth0
    ip -n "$LAB_ID-$name" address add "$ip/24" dev eth0
    ip -n "$LAB_ID-$name" route add default via 10.0.0.1
}

# A phone outside with a machine of its own. What it sends crosses the wire of wan as everything else.
lab_far_host() { # lab_far_host NAME IP
    local name=$1 ip=$2
    lab_space "$name"
    LAB_SPACES+=("$name")
    ip -n "$LAB_ID-wan" address del "$ip/32" dev lo 2>/dev/null
    ip -n "$LAB_ID-wan" link add "$name" type veth peer name eth0 netns "$LAB_ID-$name"
    lab_wire wan "$name"
    lab_wire "$name" eth0
    ip -n "$LAB_ID-$name" address add "$ip/32" dev eth0
    ip -n "$LAB_ID-$name" route add 203.0.113.1 dev eth0
    ip -n "$LAB_ID-$name" route add default via 203.0.113.1
    ip -n "$LAB_ID-wan" route add "$ip/32" dev "$name"
    lab_in wan sysctl -qw net.ipv4.ip_forward=1
}

# SIPp plays from capture files without a socket behind the port: what arrives for such ports is
# counted and taken away, or the kernel would answer "port unreachable". lab_heard and lab_spoken
# read the counts.
lab_listen() { # lab_listen NS FIRST-LAST
    lab_in "$1" nft -f - <<NFT
table inet lab {
    counter heard { }
    counter spoken { }
    chain input {
        type filter hook input priority 0; policy accept;
        udp dport $2 counter name heard drop
    }
    chain output {
        type filter hook output priority 0; policy accept;
        udp sport $2 counter name spoken
    }
}
NFT
}

lab_heard() { # lab_heard NS: packets since lab_listen
    lab_in "$1" nft list counter inet lab heard | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

lab_spoken() { # lab_spoken NS: packets sent from those ports since lab_listen
    lab_in "$1" nft list counter inet lab spoken | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# Between a side's hosts and the firewall: a wire that loses so many percent of the frames and lets
# so many others come late (badwire.c). Before lab_firewall.
lab_bad_wire() { # lab_bad_wire lan|wan LOSS LATE
    local tool
    tool=$(lab_tool badwire) || return 1
    ip -n "$LAB_ID-fw" link set "veth-$1" down
    ip -n "$LAB_ID-fw" link set "veth-$1" name "wire-$1"
    ip -n "$LAB_ID-fw" link add "end-$1" type veth peer name "veth-$1"
    ip -n "$LAB_ID-fw" link set "veth-$1" address \
        "$(lab_in fw cat "/sys/class/net/wire-$1/address")"
    for end in "wire-$1" "end-$1" "veth-$1"; do
        lab_wire fw "$end"
    done
    lab_run fw "badwire-$1" "$tool" "wire-$1" "end-$1" "$2" "$3"
}

# The path of a program of tests/lab, which are built with the tests.
lab_tool() { # lab_tool NAME
    local folder
    for folder in "$LAB_BUILD" "$LAB_ROOT/build-test"; do
        if [ -x "$folder/tests/lab/$1" ]; then
            echo "$folder/tests/lab/$1"
            return
        fi
    done
    echo "tests/lab/$1 is not built" >&2
    return 1
}

# Frames as they are on a real wire: no segments larger than the MTU, checksums filled in.
lab_wire() {
    lab_in "$1" ethtool -K "$2" rx off tx off sg off tso off gso off gro off >/dev/null 2>&1
    ip -n "$LAB_ID-$1" link set "$2" up
}

lab_in() {
    local ns=$1
    shift
    ip netns exec "$LAB_ID-$ns" "$@"
}

lab_run() {
    local ns=$1 name=$2
    shift 2
    ip netns exec "$LAB_ID-$ns" "$@" >"$LAB_DIR/$name.log" 2>&1 </dev/null &
    LAB_PID=$!
    LAB_PIDS+=("$LAB_PID")
}

lab_wait() {
    local pid=$1 tenths=$(($2 * 10))
    while kill -0 "$pid" 2>/dev/null; do
        [ $((tenths--)) -gt 0 ] || return 124
        sleep 0.1
    done
    wait "$pid" 2>/dev/null
}

lab_stop() {
    kill -"${2:-TERM}" "$1" 2>/dev/null
    lab_wait "$1" 5
}

# Frames in the rings of a packet socket: many, so that a machine with other work loses nothing in
# them, but no more than may be locked in memory: two ports, two rings each, 2 KiB a frame.
lab_frames() {
    local kib frames=4096
    kib=$(ulimit -l)
    if [ -n "${LAB_UNSHARED:-}" ] && [ "$kib" != unlimited ]; then
        while [ $frames -gt 64 ] && [ $((frames * 8)) -gt $((kib * 3 / 4)) ]; do
            frames=$((frames / 2))
        done
    fi
    echo $frames
}

# LAB_UDP_IDLE: seconds a UDP session may be idle; LAB_WORKERS: CPUs of workers; LAB_DIALOGS: how
# many calls and registrations the ALG holds; LAB_LAN_DEVICE: more arguments for the device of "lan".
lab_config() { # lab_config [SIP-LINE...]
    local line last_cpu=$(($(nproc) - 1)) frames
    frames=$(lab_frames)
    cat <<CONF
config system global
    set hostname "pinhole-lab"
    set udp-idle-timer ${LAB_UDP_IDLE:-180}
end
config dpdk global
    set memory 256
    set dialogs ${LAB_DIALOGS:-8192}
    set sleep-on-idle enable
end
config dpdk cpus
    set worker-cpus ${LAB_WORKERS:-$last_cpu}
    set alg-cpu 0
    set control-cpu 0
end
config system interface
    edit "lan"
        set device "net_af_packet0,iface=veth-lan,framecnt=$frames${LAB_LAN_DEVICE:-}"
        set ip 10.0.0.1 255.255.255.0
        set allowaccess ping
        set role lan
    next
    edit "wan"
        set device "net_af_packet1,iface=veth-wan,framecnt=$frames"
        set ip 203.0.113.2 255.255.255.0
        set allowaccess ping
        set role wan
    next
end
config router static
    edit 1
        set gateway 203.0.113.1
        set device "wan"
    next
end
config voip profile
    edit "phones"
        config sip
$(for line in "$@"; do echo "            $line"; done)
        end
    next
end
config firewall policy
    edit 1
        set name "calls-out"
        set srcintf "lan"
        set dstintf "wan"
        set srcaddr "all"
        set dstaddr "all"
        set action accept
        set schedule "always"
        set service "ALL"
        set nat enable
        set voip-profile "phones"
    next
end
CONF
}

lab_firewall() {
    if [ "$LAB_FIREWALL" = kernel ]; then
        ip -n "$LAB_ID-fw" address add 10.0.0.1/24 dev veth-lan
        ip -n "$LAB_ID-fw" address add 203.0.113.2/24 dev veth-wan
        ip -n "$LAB_ID-fw" route add default via 203.0.113.1
        ip -n "$LAB_ID-wan" route add 10.0.0.0/24 via 203.0.113.2
        lab_in fw sysctl -qw net.ipv4.ip_forward=1
        return
    fi
    lab_config "$@" >"$LAB_DIR/fw.conf"
    lab_run fw pinholed "$LAB_BUILD/src/pinholed" -c "$LAB_DIR/fw.conf" \
        --socket "$LAB_DIR/cli.sock" --foreground
    LAB_FIREWALL_PID=$LAB_PID
    local tries=200
    until lab_cli 'get system status' >/dev/null 2>&1; do
        if ! kill -0 "$LAB_FIREWALL_PID" 2>/dev/null || [ $((tries--)) -le 0 ]; then
            echo "pinholed did not start:"
            tail -n 20 "$LAB_DIR/pinholed.log"
            return 1
        fi
        sleep 0.1
    done
}

lab_cli() {
    "$LAB_BUILD/src/pinhole" --socket "$LAB_DIR/cli.sock" -c "$1"
}

lab_capture() { # lab_capture NS NAME [FILTER]
    local ns=$1 name=$2
    shift 2
    lab_run "$ns" "$name.dumpcap" dumpcap -q -P -i eth0 -B 16 -w "$LAB_DIR/$name.pcap" ${1:+-f "$1"}
    local tries=50
    until [ -s "$LAB_DIR/$name.pcap" ] || [ $((tries--)) -le 0 ]; do
        sleep 0.1
    done
}

# A SIPp phone in a folder of its own, with the tone it plays (tone.py) as audio.ulaw and audio.pcap.
lab_sipp() { # lab_sipp NS NAME IP SCENARIO HERTZ SECONDS SIPP-ARGUMENTS...
    local ns=$1 name=$2 ip=$3 scenario=$4 hertz=$5 seconds=$6
    shift 6
    mkdir -p "$LAB_DIR/$name"
    cp "$LAB_ROOT/tests/lab/sipp/$scenario.xml" "$LAB_DIR/$name"
    python3 "$LAB_ROOT/tests/lab/tone.py" "$LAB_DIR/$name/audio" "$hertz" "$seconds"
    lab_run "$ns" "$name" env -C "$LAB_DIR/$name" sipp -sf "$scenario.xml" \
        -i "$ip" -mi "${ip//[][]/}" -p 5060 -nostdin -trace_err -error_file "$LAB_DIR/$name.err" "$@"
}

# A baresip phone that plays a tone of 60 s and answers every call. LAB_ACCOUNT: its account, when it
# registers somewhere (servers.sh). LAB_SETTING: one more line for its configuration. It takes
# commands at port 4444 of its address.
lab_baresip() { # lab_baresip NS NAME IP HERTZ BARESIP-ARGUMENTS...
    local ns=$1 name=$2 ip=$3 hertz=$4
    shift 4
    mkdir -p "$LAB_DIR/$name"
    python3 "$LAB_ROOT/tests/lab/tone.py" "$LAB_DIR/$name/audio" "$hertz" 60
    cat >"$LAB_DIR/$name/config" <<CONF
sip_listen $ip:5060
net_interface $ip
audio_source aufile,$LAB_DIR/$name/audio.wav
audio_player aufile,$LAB_DIR/$name/heard.wav
audio_alert aufile,/dev/null
audio_srate 8000
audio_channels 1
rtp_ports 20000-20100
module_path $(dirname "$(dpkg -L baresip-core | grep '/g711\.so$')")
module g711.so
module aufile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen $ip:4444
${LAB_SETTING:-}
CONF
    echo "${LAB_ACCOUNT:-<sip:$name@$ip>;regint=0;answermode=auto;audio_codecs=PCMU/8000/1}" \
        >"$LAB_DIR/$name/accounts"
    : >"$LAB_DIR/$name/contacts"
    lab_run "$ns" "$name" baresip -4 -f "$LAB_DIR/$name" "$@"
}
