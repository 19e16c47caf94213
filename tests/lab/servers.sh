# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# A SIP server for the lab and phones that register with it, on top of checks.sh.
#
#   lab_kamailio IP              Kamailio on the wan side as registrar and proxy, by UDP and TCP
#                                (kamailio.cfg); "group" there are two phones that ring at once
#   lab_registered NS NAME IP SERVER HERTZ ARGUMENTS...
#                                a baresip phone, sip:NAME@SERVER, that registers there for 30 s
#                                at a time and answers every call; its pid in LAB_PID.
#                                LAB_TRANSPORT=tcp: over TCP
#   phone_do IP NS COMMAND [ARGUMENT]   a command of baresip's menu (dial, hangup, hold, resume,
#                                transfer)
#   phone_saw NAME COUNT TEXT SECONDS   a phone's log has this line so often, or it is wrong

# shellcheck source=tests/lab/checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

lab_kamailio() {
    local ip=$1
    if ! command -v kamailio >/dev/null; then
        echo "kamailio is not installed"
        exit 77
    fi
    mkdir -p "$LAB_DIR/kamailio"
    sed "s|ADDRESS|$ip|; s|LAB_DIR|$LAB_DIR|" "$LAB_ROOT/tests/lab/kamailio.cfg" \
        >"$LAB_DIR/kamailio/kamailio.cfg"
    lab_run wan kamailio kamailio -f "$LAB_DIR/kamailio/kamailio.cfg" -Y "$LAB_DIR/kamailio" -DD -E -m 32 -M 4
    local tries=100
    until [ "$(lab_in wan ss -Hlutn "src $ip:5060" | grep -c 5060)" -ge 2 ]; do
        if ! kill -0 "$LAB_PID" 2>/dev/null || [ $((tries--)) -le 0 ]; then
            echo "kamailio did not start:"
            tail -n 20 "$LAB_DIR/kamailio.log"
            exit 1
        fi
        sleep 0.1
    done
}

lab_registered() {
    local ns=$1 name=$2 ip=$3 server=$4 hertz=$5
    shift 5
    LAB_ACCOUNT="<sip:$name@$server${LAB_TRANSPORT:+;transport=$LAB_TRANSPORT}>;auth_pass=secret;regint=${LAB_REGISTER:-30};"
    LAB_ACCOUNT+="answermode=auto;audio_codecs=PCMU/8000/1"
    lab_baresip "$ns" "$name" "$ip" "$hertz" "$@"
    LAB_ACCOUNT=
}

# Commands go to the phone as netstrings of JSON (baresip's ctrl_tcp).
phone_do() {
    lab_in "$2" python3 - "$1" "$3" "${4:-}" <<'PY' || wrong "the phone at $1 does not $3"
import json, socket, sys
ip, command, argument = sys.argv[1:]
with socket.create_connection((ip, 4444), 5) as s:
    text = json.dumps({"command": command, "params": argument, "token": "1"})
    s.sendall(f"{len(text)}:{text},".encode())
    s.settimeout(5)
    got = b""
    while b'"token"' not in got:
        more = s.recv(4096)
        if not more:
            sys.exit("no answer")
        got += more
    sys.exit('"ok":true' not in got.decode().replace(" ", ""))
PY
}

phone_saw() {
    local tenths=$(($4 * 10))
    while [ "$(grep -c -- "$3" "$LAB_DIR/$1.log")" -lt "$2" ]; do
        if [ $((tenths--)) -le 0 ]; then
            wrong "$1 did not say '$3' $2 times:"
            tail -n 12 "$LAB_DIR/$1.log"
            return 1
        fi
        sleep 0.1
    done
}
