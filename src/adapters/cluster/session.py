"""A session of Spark: begun for one piece of work, and ended with it.

Java says a lot on stderr while it starts; that goes to a file, from which the reason is quoted where it fails.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.crm_domain.errors import StoreUnusable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Of our queries alone, also in a session of somebody else's.
_QUERIES = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "5000",
    "spark.sql.unionOutputPartitioning": "false",  # or Spark takes the partitions of all files for one
}

#: For one machine, with few processors: less time to compile what runs once, and no threads that collect garbage.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
REACHED_WITHIN = 5.0  # seconds

_SERVERS = re.compile(r"spark://(.+)")
_REASON = re.compile(r".*(?:Exception|Error)(?:: | )(.+)")


@contextmanager
def spark_session(master: str) -> Iterator[SparkSession]:
    """A session on a master, such as `local[2]` or `spark://head:7077`; where this process has one on it, that one.

    Raises StoreUnusable where PySpark or Java is missing, or where the master can't be reached.
    """
    session_class = _session_class()
    active = session_class.getActiveSession()
    if active is not None:
        if active.sparkContext.master != master:
            raise StoreUnusable(
                f"this process has a session on {active.sparkContext.master} already, and Spark allows one; end it, or "
                "name that master"
            )
        yield _for_our_queries(active)
        return
    _require_java()
    _require_server(master)
    with _keeping_interrupts():
        session = _begun(session_class, master)
        try:
            if is_local(master) and "PYSPARK_PYTHON" not in os.environ:
                session.sparkContext.pythonExec = sys.executable
            yield _for_our_queries(session)
        finally:
            session.stop()


@contextmanager
def _keeping_interrupts() -> Iterator[None]:
    """Give Ctrl-C back at the end: PySpark takes it to cancel its jobs, and keeps it when there are none any more."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _session_class() -> type[SparkSession]:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        found = None
    else:
        found = SparkSession
    # It asks for the others only when they are needed, and in words of its own.
    if found is None or not all(map(find_spec, ("pandas", "pyarrow"))):
        raise StoreUnusable("Spark takes the extra: pip install 'regulars[cluster]'")
    return found


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java") if home is None else shutil.which("java", path=os.path.join(home, "bin"))
    if found is None:
        where = "on this machine's PATH" if home is None else f"in JAVA_HOME, {home}"
        raise StoreUnusable(f"Spark runs on Java 17 or later, and there is none {where}")


def _require_server(master: str) -> None:
    """Raise StoreUnusable where no server of a `spark://` address answers: Spark itself tries for a minute."""
    matched = _SERVERS.fullmatch(master)
    if matched is None:
        return
    reasons = []
    for address in matched[1].split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=REACHED_WITHIN).close()
        except (OSError, ValueError) as error:
            reasons.append(f"{address}: {getattr(error, 'strerror', None) or error}")
        else:
            return
    raise StoreUnusable(f"the master {master} can't be reached: {'; '.join(reasons)}")


def _begun(session_class: type[SparkSession], master: str) -> SparkSession:
    builder: Any = session_class.builder
    settings = {
        "spark.app.name": "regulars",
        "spark.log.level": "OFF",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if is_local(master):  # elsewhere it is the cluster's own configuration that says so
        modules = os.pathsep.join(os.path.abspath(each) for each in sys.path if os.path.exists(each))
        options = {
            "driver.extraJavaOptions": JAVA,
            "executor.extraJavaOptions": JAVA,
            "executorEnv.PYTHONPATH": modules,
        }
        settings |= {f"spark.{name}": value for name, value in options.items()}
    for name, value in settings.items():
        builder = builder.config(name, value)
    with tempfile.TemporaryFile() as said:
        try:
            with _stderr_to(said.fileno()):
                session: SparkSession = builder.master(master).getOrCreate()
        except Exception as error:  # of Py4J, of Java or of PySpark, each with a text of its own
            said.seek(0)
            reasons = reasons_in(said.read().decode(errors="replace")) or reasons_in(str(error))
            reason = reasons[-1] if reasons else type(error).__name__
            raise StoreUnusable(f"no session of Spark could be begun on {master}: {reason}") from None
    return session


def _for_our_queries(session: SparkSession) -> SparkSession:
    """The same session with settings of its own for what is asked."""
    ours: SparkSession = session.newSession()
    for name, value in _QUERIES.items():
        ours.conf.set(name, value)
    return ours


def is_local(master: str) -> bool:
    """Whether a master and its workers are all on this machine."""
    return master.startswith("local")


def reasons_in(said: str) -> list[str]:
    """What each line of Java's or Python's that names an error says of it."""
    found = (match[1].strip() for line in said.splitlines() if (match := _REASON.match(line)))
    return [each for each in found if each]


@contextmanager
def _stderr_to(descriptor: int) -> Iterator[None]:
    """Let this process's stderr, and that of what it starts meanwhile, go somewhere else."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def shared_folder(folder: Path) -> str:
    """A folder as the URI that Spark reads on every machine."""
    return folder.resolve().as_uri()
