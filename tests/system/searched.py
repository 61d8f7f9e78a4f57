"""Passwords searched for in all that a run shows, says and leaves: output, files, command lines and Spark's pages."""

from __future__ import annotations

import base64
import re
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import psutil

from tests.servers import LOOPBACK

CANARY = f"canary{secrets.token_hex(8)}"
"""In all passwords. Of letters and digits, so that it stays what it is however a password is written."""
PASSWORD = f"{CANARY}@:/%"
WRONG = f"wrong-{CANARY}"
NEEDLES = tuple(
    text.encode() for text in (CANARY, *(base64.b64encode(f"{user}:{PASSWORD}".encode()).decode() for user in ("coinspark", "default", "tester")))
)
_PAGES = ("environment/", "executors/", "jobs/", "stages/", "storage/", "SQL/", "StreamingQuery/", "metrics/json/", "api/v1/applications")
_OF_APPLICATION = ("environment", "executors", "allexecutors", "jobs", "stages", "storage/rdd", "sql?details=true&planDescription=true")
_OF_A_KIND = 3
"""Pages that differ in their parameters alone, as those of single batches do: so many of them are enough."""


@dataclass
class Searched:
    """What was searched for the canary, and where it was found."""

    places: Counter[str] = field(default_factory=Counter)
    found: set[str] = field(default_factory=set)

    def look(self, kind: str, place: str, content: bytes | str) -> None:
        self.places[kind] += 1
        data = content.encode(errors="replace") if isinstance(content, str) else content
        if any(needle in data for needle in NEEDLES):
            self.found.add(f"{kind} {place}")

    def processes(self) -> None:
        """Every process there is."""
        for process in psutil.process_iter(["pid", "cmdline"]):
            words = process.info["cmdline"] or []
            self.look("command line", " ".join(words).replace(CANARY, "***")[:300], "\0".join(words))

    def folder(self, folder: Path) -> None:
        """Every file, by name and content."""
        for path in folder.rglob("*"):
            if path.is_file():
                with suppress(FileNotFoundError):  # files of state come and go while a job runs
                    self.look("file", str(path), str(path).encode() + path.read_bytes())

    def spark_pages(self, port: int) -> None:
        """Spark's pages as far as links lead, and its interface for programs."""
        root = f"http://{LOOPBACK}:{port}/"
        with httpx.Client(trust_env=False, timeout=60, follow_redirects=True) as client:
            [application] = client.get(urljoin(root, "api/v1/applications")).json()
            api = f"api/v1/applications/{application['id']}/"
            waiting = [urljoin(root, page) for page in (*_PAGES, *(api + page for page in _OF_APPLICATION))]
            seen, kinds = set(waiting), Counter[str]()
            for address in waiting:
                answer = client.get(address)
                assert answer.status_code == httpx.codes.OK, f"{address}: {answer.status_code}"
                self.look("page of Spark's", address, answer.content)
                if "/SQL/execution" in address:
                    self.places["page of a plan over Kafka"] += b"kafka" in answer.content.lower()
                for link in re.findall(r'href="([^"#]+)"', answer.text):
                    following = urljoin(address, link.replace("&amp;", "&"))
                    path = urlsplit(following).path
                    if following in seen or not following.startswith(root) or "/static/" in path or "kill" in path:
                        continue
                    if kinds[path] < _OF_A_KIND:
                        kinds[path] += 1
                        seen.add(following)
                        waiting.append(following)
