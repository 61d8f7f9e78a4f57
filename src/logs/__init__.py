"""What the program says of itself while it runs: lines for a person on a terminal, JSON lines for whatever else reads standard error.

    from src.logs import about, logger

    with about(part="job", job="ticker"):                # every line of the process, whichever thread says it
        logger().info("subscribed again", market="okx")

Results of commands are no log: they go to standard output. docs/logs.md tells what is in a line.
"""

from src.logs.libraries import hear_libraries, quiet_libraries
from src.logs.lines import last_event
from src.logs.setup import LogFormat, LogLevel, about, configure_logs, hide, logger, say_error

__all__ = ["LogFormat", "LogLevel", "about", "configure_logs", "hear_libraries", "hide", "last_event", "logger", "quiet_libraries", "say_error"]
