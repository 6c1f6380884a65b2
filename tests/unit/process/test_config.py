"""The configuration of a service: what it refuses to start with."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from lowsky.process.config import Environment, ServiceConfig

PASSWORD = "open-sesame"
GIVEN = {"LOWSKY_DATABASE_URL": f"postgresql://lowsky:{PASSWORD}@db/lowsky", "LOWSKY_KAFKA_BOOTSTRAP": "kafka:9092"}


def configured(jwks_url: str, env: str) -> ServiceConfig:
    return ServiceConfig(
        env=Environment(env),
        database_url=GIVEN["LOWSKY_DATABASE_URL"],
        kafka_bootstrap="kafka:9092",
        token_jwks_url=jwks_url,
        token_issuer="https://issuer.example",
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://issuer.example/jwks.json",
        "http://127.0.0.1:80/jwks.json",
        "http://[::1]/jwks.json",
        "http://localhost/j",
    ],
)
def test_keys_come_by_https_or_from_this_machine_in_production(url: str) -> None:
    assert not configured(url, "production").fetches_keys_in_the_clear


@pytest.mark.parametrize(
    "url", ["http://issuer.example/jwks.json", "HTTP://10.0.0.1/", "http://127.0.0.1.example/jwks.json"]
)
def test_keys_over_plain_http_from_elsewhere_are_for_development_alone(url: str) -> None:
    assert configured(url, "development").fetches_keys_in_the_clear
    with pytest.raises(ValidationError, match="LOWSKY_TOKEN_JWKS_URL is plain http on another machine"):
        configured(url, "production")


@pytest.mark.parametrize("url", ["", "issuer.example/jwks.json", "file:///etc/jwks.json", "ftp://issuer.example/"])
def test_keys_come_from_an_http_url(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an https URL"):
        configured(url, "development")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LOWSKY_TOKEN_JWKS_URL": "http://issuer.example/", "LOWSKY_TOKEN_ISSUER": "i"}, "plain http"),
        ({"LOWSKY_TOKEN_JWKS_URL": "https://issuer.example/"}, "LOWSKY_TOKEN_ISSUER is required"),
        (
            {"LOWSKY_TOKEN_JWKS_URL": "https://i.example/", "LOWSKY_TOKEN_ISSUER": "i", "LOWSKY_EXPIRE_EVERY_S": "0"},
            "LOWSKY_EXPIRE_EVERY_S: Input should be greater than 0",
        ),
        (
            {"LOWSKY_TOKEN_JWKS_URL": "https://i.example/", "LOWSKY_TOKEN_ISSUER": "i", "LOWSKY_LOG_LEVEL": "LOUD"},
            "LOWSKY_LOG_LEVEL",
        ),
    ],
)
def test_a_service_that_refuses_its_settings_says_why_and_keeps_its_secrets(
    settings: dict[str, str], said: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lowsky.approvals"],
        env={"PATH": os.environ["PATH"], "LOWSKY_ENV": "production", **GIVEN, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert PASSWORD not in ended.stdout + ended.stderr
