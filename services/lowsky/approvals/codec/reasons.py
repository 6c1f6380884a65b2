"""Conversion of reason codes to protobuf messages."""

from __future__ import annotations

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.jurisdictions.reasons import ReasonCode


def reason_code_to_message(code: ReasonCode) -> pb.ReasonCode:
    """The resource."""
    return pb.ReasonCode(
        code=code.code,
        uses=[pb.ReasonCode.Use.Value(f"USE_{use}") for use in sorted(code.uses)],
        texts=[geo_pb2.LocalizedText(language=language, text=text) for language, text in sorted(code.texts.items())],
        source=code.source.text,
    )
