# SPDX-License-Identifier: BSD-3-Clause
"""Checks of the text: format, licence lines, white space, spelling, scripts, commit messages."""
import os
import re
import shutil
import subprocess

import tree

SPDX = "SPDX-License-Identifier: BSD-3-Clause"
# Kinds of file that carry a licence line; data and prose do not.
LICENSED = re.compile(r"(\.(c|h|py|sh|xml|lua)|meson\.build|meson_options\.txt)$")
TABS_FREE = re.compile(r"\.(c|h|py|md|xml|conf)$")
# Put together here so that this file does not find itself.
MARKS = re.compile(r"\b(" + "|".join(
    ["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK", "(?i:not (yet )?" "implemented)",
     "(?i:stu" "b(bed)?)", "(?i:place" "holder)"]) + r")\b")
MARKS_WHERE = ("src/", "tools/", "tests/", "conf/", ".ci/")
TITLE = re.compile(r"^[a-z0-9][a-z0-9_./-]*(, ?[a-z0-9][a-z0-9_./-]*)*: \S")
COMMITS_LET_OFF = os.path.join(tree.ROOT, "tests/lint/commits.let-off")


def _run(words, **options):
    return subprocess.run(words, cwd=tree.ROOT, capture_output=True, text=True, check=False,
                          **options)


def clang_format():
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not program or "version 14." not in _run([program, "--version"]).stdout:
        raise tree.Skip("clang-format 14 is not installed")
    files = [p for p in tree.TEXTS if tree.is_c(p)]
    if not files:
        return
    errors = _run([program, "--dry-run", "--ferror-limit=3", *files]).stderr
    for match in re.finditer(r"^(\S+?):(\d+):\d+: warning: (.*)", errors, re.M):
        yield os.path.relpath(os.path.join(tree.ROOT, match.group(1)), tree.ROOT), \
            int(match.group(2)), "not as clang-format writes it (clang-format -i FILE)"


def spdx():
    for path in tree.TEXTS:
        if LICENSED.search(path) or tree.interpreter(path):
            if not any(SPDX in line for line in tree.lines(path)[:3]):
                yield path, 1, f"no line `{SPDX}` at the top"


def white_space():
    for path in tree.TEXTS:
        lines = tree.lines(path)
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                yield path, number, "white space at the end of the line"
            if "\t" in line and TABS_FREE.search(path):
                yield path, number, "a tab"
        if lines and lines[-1] != "":
            yield path, len(lines), "no line end at the end of the file"
        if len(lines) > 2 and lines[-1] == "" and lines[-2] == "":
            yield path, len(lines) - 1, "empty lines at the end of the file"


def spelling():
    if not shutil.which("codespell"):
        raise tree.Skip("codespell is not installed")
    ignore = os.path.join(tree.ROOT, "tests/lint/codespell.ignore")
    out = _run(["codespell", "--ignore-words", ignore, "--", *tree.TEXTS]).stdout
    for match in re.finditer(r"^(?:\./)?(\S+?):(\d+): (.*)", out, re.M):
        yield match.group(1), int(match.group(2)), match.group(3)


def unfinished():
    for path in tree.TEXTS:
        if path.startswith(MARKS_WHERE):
            for number, line in enumerate(tree.lines(path), 1):
                match = MARKS.search(line)
                if match:
                    yield path, number, f"a mark of unfinished work: {match.group(0)}"


def run_bits():
    for path in tree.TEXTS:
        is_script = tree.interpreter(path) is not None
        is_runnable = os.access(os.path.join(tree.ROOT, path), os.X_OK)
        if is_script != is_runnable:
            yield path, 1, "a script without the run bit (chmod +x)" if is_script else \
                "a run bit on what is no script"


def script_syntax():
    for path in tree.TEXTS:
        first = tree.interpreter(path) or ""
        if "bash" in first or path.endswith(".sh"):
            result = _run(["bash", "-n", path])
            match = re.search(r"line (\d+): (.*)", result.stderr)
            if result.returncode:
                yield path, int(match.group(1)) if match else 1, result.stderr.strip()
        elif "python3" in first or path.endswith(".py"):
            try:
                compile("\n".join(tree.lines(path)), path, "exec")
            except SyntaxError as error:
                yield path, error.lineno or 1, str(error)


def commit_messages():
    """`topic: what`, lower case, and a body that says why. Merges say what they merge."""
    let_off = set()
    with open(COMMITS_LET_OFF, encoding="utf-8") as f:
        let_off = {line.split(" | ")[0].strip() for line in f if not line.startswith("#")}
    log = _run(["git", "log", "--no-merges", "--format=%h%x1f%s%x1f%b%x1e"])
    if log.returncode:
        raise tree.Skip("no git history here")
    for entry in log.stdout.split("\x1e"):
        if entry.count("\x1f") != 2:
            continue
        commit, title, body = entry.strip("\n").split("\x1f")
        if title in let_off:
            continue
        if not TITLE.match(title):
            yield commit, 1, f"title is not `topic: what` with a lower-case topic: {title}"
        elif not body.strip():
            yield commit, 1, f"no body that says why: {title}"


CHECKS = {
    "clang-format": clang_format,
    "spdx": spdx,
    "white-space": white_space,
    "spelling": spelling,
    "unfinished": unfinished,
    "run-bits": run_bits,
    "script-syntax": script_syntax,
    "commit-messages": commit_messages,
}
