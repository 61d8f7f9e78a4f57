"""`up` over small programs in place of collector, jobs and dashboard.

python -m tests.parts.small_up HOME PORT CONTROLLER-PORT orderly|deaf|dying|told
"""

from __future__ import annotations

import sys
from pathlib import Path

from src.config.settings import load_settings
from src.errors import CoinSparkError
from src.parts.child import Patience
from src.parts.plan import PartPlan, UpPlan
from src.parts.record import UpRecord
from src.parts.supervisor import Supervisor
from tests.servers import ROOT

PROGRAM = """
import signal, sys, time
from src.parts.parent import follow_parent
name, kind, ends = sys.argv[1:]
if kind == "dying":
    sys.exit("coinspark: the well is dry")
def stop(number, frame):
    time.sleep(0.3)
    with open(ends, "a") as file:
        file.write(name + "\\n")
    if kind != "deaf":
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
follow_parent()
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def main() -> None:
    home, port, controller_port, kind = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    settings = load_settings(home=home, jars=ROOT / ".jars", broker_port=port, controller_port=controller_port)

    def part(name: str) -> PartPlan:
        own = kind if name in {"ticker", "trade"} else "orderly"
        return PartPlan(name, (sys.executable, "-c", PROGRAM, name, own, str(home / "ends")))

    plan = UpPlan(part("collector"), (part("ticker"), part("trade")), part("dashboard"), "simulate", None)
    patience = Patience(restarts=1, first_pause_seconds=0.1, proven_seconds=1_000)
    try:
        Supervisor(plan, settings, say_state if kind == "told" else lambda _: None, say, patience).run()
    except CoinSparkError as error:
        say(str(error))
        sys.exit(error.exit_status)


def say_state(record: UpRecord) -> None:
    say(record.state)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
