import subprocess
import sys

import pytest

from airflow_provider_stash.etcd.etcd3_stubs import _read_generated, etcdrpc


def test_messages_travel_and_come_back():
    rpc = etcdrpc()
    request = rpc.RangeRequest(key=b"\0", range_end=b"\0", count_only=True, revision=7)
    again = rpc.RangeRequest.FromString(request.SerializeToString())
    assert (again.key, again.count_only, again.revision) == (b"\0", True, 7)
    assert request.SerializeToString() == b"\x0a\x01\x00\x12\x01\x00\x20\x07\x48\x01"
    assert rpc.AlarmType.Name(1) == "NOSPACE"


def test_it_loads_in_a_fresh_process_beside_todays_protobuf_and_only_once():
    code = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "from airflow_provider_stash.etcd.etcd3_stubs import etcdrpc\n"
        "assert etcdrpc() is etcdrpc()\n"
        "print(sum(type(f).__name__ == '_GeneratedFinder' for f in sys.meta_path), etcdrpc().KVStub.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "KVStub"]
    assert done.stderr == ""


def test_generated_modules_of_another_form_are_refused(tmp_path):
    module = tmp_path / "x_pb2.py"
    module.write_text("DESCRIPTOR = None\n")
    with pytest.raises(ImportError, match=r"etcd3 0\.12 is expected"):
        _read_generated(module)
