"""Field masks of updates (AIP-134, AIP-161): which fields of a resource a request replaces."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from lowsky.errors import Invalid

_Resource = TypeVar("_Resource", bound=Message)


def masked(resource: _Resource, given: _Resource, mask: FieldMask, *, field: str = "update_mask") -> _Resource:
    """The resource with each field of the mask replaced by the given one as a whole; fields absent there are cleared.

    Raises:
        Invalid: The mask is empty, or names a part of a field (which protovalidate's ``field_mask.in`` allows).
    """
    paths = set(mask.paths)
    if not paths:
        raise Invalid.field(field, "must name at least one field")
    if parts := sorted(path for path in paths if path not in resource.DESCRIPTOR.fields_by_name):
        raise Invalid.field(field, f"{parts[0]}: fields are replaced as a whole; name the field itself")
    result, replacement = type(resource)(), type(resource)()
    result.CopyFrom(resource)
    replacement.CopyFrom(given)
    for name in resource.DESCRIPTOR.fields_by_name:
        (result if name in paths else replacement).ClearField(name)
    result.MergeFrom(replacement)
    return result
