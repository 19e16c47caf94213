# SPDX-License-Identifier: BSD-3-Clause
"""The files a lint check looks at, and the two ways to read them: as text, or as C without its
comments and strings.

A finding is a tuple (path, line, message). A line is let off by a comment that names the check and
says why, on that line or the one above it:

    lint: allow clock: read once per burst, here and nowhere else

and a whole file by the same comment within its first ten lines, with `file` before the check:

    lint: allow file file-length: ...
"""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Recordings and what is expected of them are data, not text of ours.
DATA = re.compile(r"^pcaps/.*\.(pcap|jsonl|txt)$|^pcaps/.*/expected/|\.(pcap|wav|bin|png)$"
                  r"|^tests/fuzz/(seeds|corpus)/|^tests/unit/.*/(data|cases)/")
ALLOW = re.compile(r"lint: allow (file )?([a-z-]+): \S")


class Skip(Exception):
    """A check cannot run on this machine; the text says why."""


def _listed():
    try:
        out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT,
                             check=True, capture_output=True).stdout.decode()
        return [p for p in out.split("\0") if p]
    except (OSError, subprocess.CalledProcessError):  # a source archive without git
        found = []
        for folder, folders, names in os.walk(ROOT):
            folders[:] = [f for f in folders if not f.startswith(("build", ".git", "__pycache__"))]
            found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
        return found


def _is_file(path):
    full = os.path.join(ROOT, path)
    return os.path.isfile(full) and not os.path.islink(full)


PATHS = sorted(p for p in set(_listed()) if _is_file(p))
TEXTS = [p for p in PATHS if not DATA.search(p)]
_cache = {}


def lines(path):
    """The lines of a file, without their ends."""
    if path not in _cache:
        with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
            _cache[path] = f.read().split("\n")
    return _cache[path]


def is_c(path):
    return path.endswith((".c", ".h"))


def sources(folder=""):
    return [p for p in TEXTS if is_c(p) and p.startswith(("src/" + folder).rstrip("/") + "/")]


def interpreter(path):
    """What the first line of a script says will run it, or None."""
    first = lines(path)[0] if lines(path) else ""
    return first if first.startswith("#!") else None


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code(path):
    """The lines of a C file with comments and strings blanked; #include lines keep their names."""
    key = (path, "code")
    if key not in _cache:
        text = "\n".join("" if re.match(r"\s*#\s*include", line) else line for line in lines(path))
        _cache[key] = _TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text).split("\n")
    return _cache[key]


def _allows(path, number, check):
    match = ALLOW.search(lines(path)[number - 1]) if 1 <= number <= len(lines(path)) else None
    return match is not None and match.group(2) == check


def is_let_off(path, line, check):
    if _allows(path, line, check):
        return True
    above = lines(path)[line - 2].strip() if 2 <= line <= len(lines(path)) else ""
    if above.startswith(("/*", "*", "//", "#")) and _allows(path, line - 1, check):
        return True
    return any(m and m.group(1) and m.group(2) == check
               for m in map(ALLOW.search, lines(path)[:10]))
