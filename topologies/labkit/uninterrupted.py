"""Programs that Ctrl-C must not cut off: they hear it themselves, and have something to put right before they end."""

import subprocess


def run(*command: str) -> int:
    """Runs a program to its end. Returns its exit status; raises KeyboardInterrupt, once it has ended, when Ctrl-C came. (What
    subprocess.run does about Ctrl-C is to kill the program a quarter of a second later.)"""
    popen = subprocess.Popen(command)
    interrupt = None
    while True:
        try:
            status = popen.wait()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt:
        raise interrupt
    return status
