"""The one place where errors are converted to google.rpc.Status: reason, fields, precondition, when to retry."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from lowsky import errors

DOMAIN = "lowsky"

# The most specific class of an error decides.
_CODES: dict[type[errors.LowskyError], grpc.StatusCode] = {
    errors.Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    errors.RequestIdReused: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.Precondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.StaleEtag: grpc.StatusCode.ABORTED,
    errors.OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.LowskyError: grpc.StatusCode.INTERNAL,
}


def code_of(error: errors.LowskyError) -> grpc.StatusCode:
    """The status code of an error."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def to_status(error: errors.LowskyError) -> status_pb2.Status:
    """The error as google.rpc.Status, always with ErrorInfo, and with the other details that apply."""
    code = code_of(error)
    details: list[any_pb2.Any] = []

    def add(detail: error_details_pb2.ErrorInfo | object) -> None:
        packed = any_pb2.Any()
        packed.Pack(detail)  # type: ignore[arg-type]  # every detail is a message
        details.append(packed)

    add(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))
    if error.fields:
        add(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(
                        field=violation.field, description=violation.message, reason=violation.reason
                    )
                    for violation in error.fields
                ]
            )
        )
    if isinstance(error, errors.Precondition):
        add(
            error_details_pb2.PreconditionFailure(
                violations=[
                    error_details_pb2.PreconditionFailure.Violation(
                        type=error.reason, subject=error.metadata.get("resource", ""), description=error.message
                    )
                ]
            )
        )
    for detail in error.details:
        add(detail)
    if isinstance(error, errors.Overloaded | errors.Unavailable):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after_s * 1000))
        add(error_details_pb2.RetryInfo(retry_delay=delay))
    return status_pb2.Status(code=code.value[0], message=error.message, details=details)
