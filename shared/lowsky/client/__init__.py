"""The operators' client: asynchronous, a thin layer over the generated messages of lowsky.api.

It needs only the base installation, without the packages of the servers.
"""

from lowsky.client.channels import Endpoints
from lowsky.client.client import Client
from lowsky.client.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    Internal,
    InvalidArgument,
    LowskyApiError,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    StaleEtag,
    Unauthenticated,
    Unavailable,
)
from lowsky.client.mapping_files import read_mapping
from lowsky.client.profiles import read_profile
from lowsky.client.retries import RetryPolicy
from lowsky.client.submission.submitting import error_of
from lowsky.client.tokens import ClientCredentials, DevelopmentToken, FileToken, StaticToken, TokenSource

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Client",
    "ClientCredentials",
    "DeadlineExceeded",
    "DevelopmentToken",
    "Endpoints",
    "FailedPrecondition",
    "FieldViolation",
    "FileToken",
    "Internal",
    "InvalidArgument",
    "LowskyApiError",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "ResourceExhausted",
    "RetryPolicy",
    "StaleEtag",
    "StaticToken",
    "TokenSource",
    "Unauthenticated",
    "Unavailable",
    "error_of",
    "read_mapping",
    "read_profile",
]
