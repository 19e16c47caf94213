#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the capture of the case about a full table (pcaps/table-full).

    tests/replay/make-table.py

The table has room for 1024 sessions. A call that has both directions stands; 1100 strangers send one
packet each, faster than any of them may wait for an answer; then the call goes on, and a new flow
finds room.
"""
import sys

sys.dont_write_bytecode = True

from frames import WAN, from_lan, from_wan, udp, write

SERVER, PHONE, STRANGER, LATE = "198.51.100.5", "10.0.0.20", "10.0.0.66", "10.0.0.21"

write("table-full", "lan",
      [(0, from_lan(udp(PHONE, 6000, SERVER, 7000, b"call"), PHONE))] +
      [(1 + i * 0.0001, from_lan(udp(STRANGER, 2000 + i, SERVER, 9, b""), STRANGER))
       for i in range(1100)] +
      [(2, from_lan(udp(PHONE, 6000, SERVER, 7000, b"goes on"), PHONE)),
       (5, from_lan(udp(LATE, 6000, SERVER, 7000, b"new"), LATE))])
write("table-full", "wan", [
    (0.1, from_wan(udp(SERVER, 7000, WAN, 6000, b"answer"))),
    (2.1, from_wan(udp(SERVER, 7000, WAN, 6000, b"goes on"))),
])
