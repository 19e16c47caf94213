# SPDX-License-Identifier: BSD-3-Clause
"""Checks of the house: who may include whom, how long things may be, what may not be called."""
import re
import shutil
import subprocess

import tree

# An include points down this list or stays in its folder; src/*.c may use everything.
# The CLI sees the dataplane only through cli/backend.h, which control/ implements.
MAY_USE = {
    "base": [],
    "sessions": ["base"],
    "alg": ["sessions", "base"],
    "config": ["base"],
    "fastpath": ["alg", "sessions", "config", "base"],
    "cli": ["config", "base"],
    "control": ["fastpath", "cli", "alg", "sessions", "config", "base"],
    "bench": ["control", "fastpath", "cli", "alg", "sessions", "config", "base"],
    "replay": ["control", "fastpath", "cli", "alg", "sessions", "config", "base"],
}
PLAIN_C = ["base", "config", "cli", "alg", "sessions"]
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 90
MAX_PARAMETERS = 6
MAX_NESTING = 4
FILE_LENGTH_FREE = re.compile(r"^src/config/schema_\w+\.c$|^COPYING$")

CLOCKS = (r"clock_gettime|gettimeofday|clock|time|ftime|rte_rdtsc\w*|rte_get_(tsc|timer)_cycles"
          r"|rte_get_timer_hz|__rdtsc|timerfd_\w+")
WORKER = (r"^src/fastpath/(pipeline|parse|worker|first|known|translate|find|out|arp|icmp|local"
          r"|track|packet)\.c$")
# (check, files, files let off, function names, why)
FORBIDDEN = [
    ("clock", r"^src/(base|sessions|alg|config|fastpath|cli)/", r"^src/base/log\.c$", CLOCKS,
     "no code below control/ reads a clock; `now` is passed down"),
    ("worker-calls", WORKER, None,
     r"v?f?printf|puts|malloc|calloc|realloc|free|strdup|v?syslog|pthread_\w+|rte_(malloc|zmalloc"
     r"|free)|log_(info|warn|error)|sleep|usleep|nanosleep|open|read|write|ioctl|fopen",
     "a worker does not allocate, lock, print or call the kernel"),
    ("unsafe-calls", r"^(src|tests)/", None,
     r"strcpy|strcat|v?sprintf|strtok|gets|atoi|atol|alloca|mktemp|tmpnam|scanf|sscanf",
     "unbounded or silent about errors; use base/slice.h and base/text.h, or the n form"),
]


def folder_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def includes(path):
    for number, line in enumerate(tree.lines(path), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == "<", match.group(2)


def include_arrows():
    known = set(tree.PATHS)
    for path in tree.sources():
        folder = folder_of(path)
        for number, is_system, name in includes(path):
            if is_system or folder is None:
                continue
            target = name.split("/")[0] if "/" in name else None
            if "src/" + name not in known:
                yield path, number, f'"{name}" is not written from src/, or not there'
            elif target != folder and folder in MAY_USE and target not in MAY_USE[folder]:
                allowed = ", ".join(MAY_USE[folder]) or "nothing"
                yield path, number, f"{folder}/ includes {name}; it may use {allowed}"
            elif folder not in MAY_USE:
                yield path, number, f"src/{folder} has no row in tests/lint/house.py MAY_USE"


def include_cycles():
    edges = {}
    for path in tree.sources():
        for number, is_system, name in includes(path):
            if not is_system and folder_of(path) and "/" in name:
                target = name.split("/")[0]
                if target != folder_of(path):
                    edges.setdefault(folder_of(path), {}).setdefault(target, (path, number))

    def reaches(start, goal, seen):
        return any(n == goal or (n not in seen and reaches(n, goal, seen | {n}))
                   for n in edges.get(start, {}))

    for folder, targets in sorted(edges.items()):
        for target, (path, number) in sorted(targets.items()):
            if reaches(target, folder, {target}):
                yield path, number, f"{folder}/ and {target}/ include each other"


def no_dpdk():
    for folder in PLAIN_C:
        for path in tree.sources(folder):
            for number, _, name in includes(path):
                if name.split("/")[-1].startswith("rte_"):
                    yield path, number, f"{folder}/ is plain C, built without DPDK: {name}"


def file_length():
    for path in tree.TEXTS:
        is_code = path.startswith(("src/", "tests/", "tools/"))
        count = len(tree.lines(path)) - 1
        if is_code and count >= MAX_FILE_LINES and not FILE_LENGTH_FREE.search(path):
            yield path, count, f"{count} lines; a file stays under {MAX_FILE_LINES}"


def _functions():
    """(path, name, first line, last line, signature) of every function in src/."""
    if not shutil.which("ctags"):
        raise tree.Skip("universal-ctags is not installed")
    names = tree.sources()
    if not names:
        return []
    out = subprocess.run(
        ["ctags", "-x", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+neS",
         "--_xformat=%F\t%N\t%n\t%e\t%S", *names],
        cwd=tree.ROOT, check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    return [(r[0], r[1], int(r[2]), int(r[3] or r[2]), r[4]) for r in rows if len(r) == 5]


def _is_setup(path, line):
    """Is the line in a function that control calls before a worker starts or after it ended?"""
    return any(p == path and first <= line <= last and re.search("_(create|init|free|destroy)$", name)
               for p, name, first, last, _ in _functions())


def function_length():
    for path, name, first, last, _ in _functions():
        if last - first + 1 > MAX_FUNCTION_LINES:
            yield path, first, f"{name} has {last - first + 1} lines, at most {MAX_FUNCTION_LINES}"


def function_parameters():
    for path, name, first, _, signature in _functions():
        depth, commas = 0, 0
        for char in signature:
            depth += (char == "(") - (char == ")")
            commas += char == "," and depth == 1
        if commas + 1 > MAX_PARAMETERS:
            yield path, first, f"{name} takes {commas + 1} parameters, at most {MAX_PARAMETERS}"


def nesting():
    """Formatted code is indented four columns a level, so the column of a keyword is its depth."""
    limit = 4 * MAX_NESTING
    for path in tree.sources():
        for number, line in enumerate(tree.code(path), 1):
            match = re.match(r"( +)(if|for|while|switch|do)\b", line)
            if match and len(match.group(1)) > limit:
                yield path, number, f"nested deeper than {MAX_NESTING} levels"


def forbidden(check):
    for name, where, let_off, calls, why in FORBIDDEN:
        if name != check:
            continue
        pattern = re.compile(r"(?<![\w.>])(" + calls + r")\s*\(")
        for path in tree.TEXTS:
            if not tree.is_c(path) or not re.search(where, path):
                continue
            if let_off and re.search(let_off, path):
                continue
            for number, line in enumerate(tree.code(path), 1):
                match = pattern.search(line)
                if match and not (name == "worker-calls" and _is_setup(path, number)):
                    yield path, number, f"{match.group(1)}(): {why}"


CHECKS = {
    "include-arrows": include_arrows,
    "include-cycles": include_cycles,
    "no-dpdk": no_dpdk,
    "file-length": file_length,
    "function-length": function_length,
    "function-parameters": function_parameters,
    "nesting": nesting,
    **{row[0]: (lambda name=row[0]: forbidden(name)) for row in FORBIDDEN},
}
