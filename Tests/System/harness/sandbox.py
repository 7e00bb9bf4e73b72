"""Runs a program as a systemd unit would confine it, where there is no systemd to do it.

As a script it confines itself and then becomes the program:

    python sandbox.py UNIT PROGRAM [ARGUMENT...]

The filters are those that systemd makes of `SystemCallFilter`, `MemoryDenyWriteExecute` and
`RestrictAddressFamilies` (systemd.exec(5)), loaded with libseccomp. What is about files and namespaces
is not done here.
"""

import configparser
import ctypes
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

# libseccomp, seccomp.h.
_ALLOW = 0x7FFF0000
_EQUAL, _MASKED_EQUAL = 4, 7
_UNKNOWN = -1
_PROT_WRITE, _PROT_EXEC, _SHM_EXEC = 2, 4, 0o100000
_FAMILIES_MAX = 46


class Unit(configparser.RawConfigParser):
    """A unit's file. Of what is given several times, all is kept, a line each."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, dict_type=_Lists, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str
        self.read_string(path.read_text())

    def service(self, key: str) -> str:
        return self.get("Service", key, fallback="")


class _Lists(dict):
    def __setitem__(self, key: object, value: object) -> None:
        if isinstance(value, list) and isinstance(self.get(key), list):
            value = self[key] + value
        super().__setitem__(key, value)


class _Comparison(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    ]


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
        ctypes.POINTER(_Comparison),
    ]  # fmt: skip
    return library


def _error(number: int) -> int:
    return 0x00050000 | number


class _Filter:
    """One filter; of several that are loaded the strictest answer counts."""

    def __init__(self, library: ctypes.CDLL, otherwise: int) -> None:
        self.library = library
        self.context = library.seccomp_init(otherwise)
        assert self.context, "seccomp_init"

    def rule(self, action: int, name: str, *comparisons: tuple[int, int, int, int]) -> None:
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        if number == _UNKNOWN:
            # Of another architecture, or newer than the library.
            return
        array = (_Comparison * max(1, len(comparisons)))(*(_Comparison(*it) for it in comparisons))
        failed = self.library.seccomp_rule_add_array(
            self.context, action, number, len(comparisons), array
        )
        assert not failed or number < 0, f"{name}: {failed}"

    def load(self) -> None:
        assert self.library.seccomp_load(self.context) == 0, "seccomp_load"


def system_calls(words: str) -> set[str]:
    """The system calls of a list of names and of groups of systemd."""
    calls: set[str] = set()
    for word in words.split():
        if not word.startswith("@"):
            calls.add(word)
            continue
        listed = subprocess.run(
            ["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True
        ).stdout
        members = [line.strip() for line in listed.splitlines()[1:]]
        calls |= system_calls(" ".join(it for it in members if it and not it.startswith("#")))
    return calls


def allowed_calls(lines: str) -> set[str]:
    """What several lines of `SystemCallFilter` allow, the first of which allows."""
    first, *others = [line for line in lines.splitlines() if line.strip()]
    calls = system_calls("@default") | system_calls(first)
    for line in others:
        if line.startswith("~"):
            calls -= system_calls(line[1:])
        else:
            calls |= system_calls(line)
    return calls


def confine(unit: Unit) -> None:
    """Confines this process and what it becomes."""
    library = _library()
    if unit.service("MemoryDenyWriteExecute") == "yes":
        memory = _Filter(library, _ALLOW)
        both = _PROT_WRITE | _PROT_EXEC
        memory.rule(_error(errno.EPERM), "mmap", (2, _MASKED_EQUAL, both, both))
        for name in ("mprotect", "pkey_mprotect"):
            memory.rule(_error(errno.EPERM), name, (2, _MASKED_EQUAL, _PROT_EXEC, _PROT_EXEC))
        memory.rule(_error(errno.EPERM), "shmat", (2, _MASKED_EQUAL, _SHM_EXEC, _SHM_EXEC))
        memory.load()
    families = {
        int(getattr(socket, name)) for name in unit.service("RestrictAddressFamilies").split()
    }
    if families:
        sockets = _Filter(library, _ALLOW)
        for family in set(range(_FAMILIES_MAX)) - families:
            sockets.rule(_error(errno.EAFNOSUPPORT), "socket", (0, _EQUAL, family, 0))
        sockets.load()
    calls = _Filter(library, _error(errno.EPERM))
    for name in sorted(allowed_calls(unit.service("SystemCallFilter"))):
        calls.rule(_ALLOW, name)
    calls.load()


if __name__ == "__main__":
    confine(Unit(Path(sys.argv[1])))
    os.execv(sys.argv[2], sys.argv[2:])
