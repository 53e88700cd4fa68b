import pytest

from tests.kubesim.objects import ApiError
from tests.kubesim.protobuf import read

NAMESPACE = bytes.fromhex(  # as kubectl 1.32 sends it
    "6b3873000a0f0a02763112094e616d65737061636512190a110a017812001a0022002a0032003800420012001a020a001a002200"
)


def test_what_kubectl_sends_is_read():
    assert read(NAMESPACE) == {"kind": "Namespace", "metadata": {"name": "x"}}


@pytest.mark.parametrize("body", [b"{}", NAMESPACE.replace(b"Namespace", b"Nodespace")])
def test_anything_else_is_refused(body):
    with pytest.raises(ApiError) as refused:
        read(body)
    assert refused.value.code == 415
