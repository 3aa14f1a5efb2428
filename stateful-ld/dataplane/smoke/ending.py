"""How a test ends that somebody else ends: by Ctrl-C, or by meson when it takes too long."""

import signal
import sys


def clean_up_on_sigterm():
    """Makes SIGTERM an exception, as SIGINT is: what the test has started is ended, and its namespaces are removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
