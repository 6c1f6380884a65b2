"""Brings Kafka's jars with Maven into the user's cache folder, once per user and version."""

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from lowsky.local.errors import StackError
from lowsky.local.files import cache_directory, exclusive, writable_cache_directory
from lowsky.local.parts.java import find_java
from lowsky.local.reporting import Reporter, Step

KAFKA_VERSION = "4.4.0"
POM = Path(__file__).parent / "pom.xml"
FETCH_S_MAX = 600
"""44 jars of 43 MB; whoever needs longer has a network that does not work."""

NO_MAVEN = (
    "Kafka's jars come by Maven, and there is no `mvn` on the PATH. Do one of these and try again:\n"
    "  - install Maven (Debian, Ubuntu: apt-get install maven; Fedora: dnf install maven; macOS: brew install maven)\n"
    "  - run a Kafka of your own, e.g. docker run -p 9092:9092 apache/kafka, and set\n"
    "    LOWSKY_KAFKA_BOOTSTRAP=localhost:9092"
)


def jar_directory() -> Path:
    """Where the jars are kept."""
    return cache_directory() / f"kafka-{KAFKA_VERSION}"


def ensure_jars(reporter: Reporter) -> Path:
    """The folder with Kafka's jars, fetched if need be; concurrent callers wait for the first."""
    find_java()
    folder = jar_directory()
    if _complete(folder):
        return folder
    lock = writable_cache_directory() / f"{folder.name}.lock"
    with exclusive(lock, on_wait=lambda: reporter.say("another process is fetching Kafka: waiting for it")):
        if not _complete(folder):
            _fetch(folder, _ensure_maven(reporter), reporter)
    return folder


def _complete(folder: Path) -> bool:
    """The folder appears in one rename, so this only guards against later damage."""
    return (folder / f"kafka_2.13-{KAFKA_VERSION}.jar").is_file() and any(folder.glob("log4j-slf4j-impl-*.jar"))


def _fetch(folder: Path, maven: str, reporter: Reporter) -> None:
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        # Maven wants to write beside its pom, which may lie in a read-only installation.
        shutil.copy(POM, work / "pom.xml")
        with reporter.step(f"Kafka {KAFKA_VERSION}: fetching its jars with Maven (once, about 43 MB)") as step:
            _run_maven(maven, work, step)
        if not _complete(work / "jars"):
            raise StackError(f"Maven ended well but brought no Kafka {KAFKA_VERSION} into {work / 'jars'}")
        shutil.rmtree(folder, ignore_errors=True)
        (work / "jars").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_maven(maven: str, work: Path, step: Step) -> None:
    environment = dict(os.environ)
    if shutil.which("java") is None:
        environment["JAVA_HOME"] = str(find_java().parent.parent)
    argv = [maven, "-B", "-f", str(work / "pom.xml"), "dependency:copy-dependencies"]
    argv += ["-DincludeScope=runtime", f"-DoutputDirectory={work / 'jars'}"]
    if not os.access(Path("~").expanduser(), os.W_OK):
        argv.append(f"-Dmaven.repo.local={work / 'repository'}")  # Maven's own place for downloads is in the home
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        # A timer, because reading the output would otherwise wait for a hung download forever.
        timer = threading.Timer(FETCH_S_MAX, child.kill)
        timer.start()
        lines: list[str] = []
        try:
            for line in child.stdout or ():
                lines = [*lines[-30:], line.rstrip()]
                if "Downloading from" in line:
                    step.detail(line.rsplit("/", 1)[-1].strip())
        except BaseException:
            child.kill()
            raise
        finally:
            timer.cancel()
    if child.returncode != 0:
        raise StackError(f"Maven could not bring Kafka's jars (exit {child.returncode}):\n" + "\n".join(lines[-15:]))


def _ensure_maven(reporter: Reporter) -> str:
    found = shutil.which("mvn")
    if found:
        return found
    apt = shutil.which("apt-get")
    prefix = _root_prefix()
    if apt is None or prefix is None:
        raise StackError(NO_MAVEN)
    reporter.say("There is no Maven, which brings Kafka: installing Debian's package `maven` with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with reporter.step("apt-get install maven"):
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "maven"]):
            argv = [*prefix, apt, *arguments]
            done = subprocess.run(
                argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_S_MAX
            )
            if done.returncode != 0:
                raise StackError(f"{' '.join(argv)} failed:\n{(done.stdout + done.stderr)[-2000:]}\n\n{NO_MAVEN}")
    found = shutil.which("mvn")
    if found is None:
        raise StackError(NO_MAVEN)
    return found


def _root_prefix() -> list[str] | None:
    """What to put before a command for root's rights, without ever asking for a password; None if we have none."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    allowed = subprocess.run([sudo, "-n", "true"], capture_output=True, stdin=subprocess.DEVNULL)
    return [sudo, "-n"] if allowed.returncode == 0 else None
