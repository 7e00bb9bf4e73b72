"""Archives of tenants, as `byre tenant export` writes them: the format is in proto/byre/v1/archive.proto."""

import functools
import struct
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[3] / "proto"
MAGIC = b"BYREARC1"


@functools.cache
def messages():
    """The Python module of archive.proto."""
    with tempfile.TemporaryDirectory() as folder:
        status = protoc.main(
            ["protoc", f"-I{PROTO}", f"--python_out={folder}", "byre/v1/archive.proto"]
        )
        assert status == 0
        sys.path.insert(0, folder)
        try:
            return import_module("byre.v1.archive_pb2")
        finally:
            sys.path.remove(folder)


def frames(archive: bytes) -> list:
    """The frames of an archive, the last of which must be its end."""
    assert archive[:8] == MAGIC
    found, offset = [], 8
    while offset < len(archive):
        length, _ = struct.unpack_from("<II", archive, offset)
        offset += 8
        found.append(messages().ArchiveFrame.FromString(archive[offset : offset + length]))
        offset += length
    assert offset == len(archive) and found[-1].WhichOneof("content") == "end"
    return found
