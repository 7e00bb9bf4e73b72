"""Recorded kube-apiserver traffic, repeated on Byre: every answer, event and the final state compared."""

import pytest

from harness import paths
from harness.trace import Recording, Replay

RECORDINGS = ("kube-apiserver-1.36.jsonl.zst", "kube-apiserver-1.36-etcd-3.7.1.jsonl.zst")


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_traffic_is_answered_as_it_was(name: str, client) -> None:
    path = paths.traces() / name
    if not path.exists():
        pytest.skip(f"no recording at {path}; set BYRE_TRACES to the folder that holds it")
    recording = Recording(path)
    assert len(recording.watches) == recording.header["watches"], "the recording was read in part"
    replay = Replay(recording, client)
    try:
        replay.run()
        assert client.revision() == recording.header["final_revision"]
        assert (
            client.get(b"\0", range_end=b"\0", count_only=True).count
            == recording.header["final_keys"]
        )
        assert replay.final_state_sha256() == recording.header["final_state_sha256"]
    finally:
        replay.close()
