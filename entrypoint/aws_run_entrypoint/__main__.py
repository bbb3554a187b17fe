"""`python3 -I -S -B -X utf8 entrypoint.pyz [CMD…]`: PID 1 of the container. This file is also the zip's own __main__.

Written so that Python 3.4 can still read it and say that it is too old.
"""

import _signal  # type: ignore[import-not-found]  # built in: `signal` would first load `enum`

# Before anything else. The kernel drops what is sent to a PID 1 that has no handler yet, but keeps what is blocked:
# a stop in the first moments waits for the supervisor, which has handlers and lets it in.
_signal.pthread_sigmask(
    _signal.SIG_BLOCK,
    (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT, _signal.SIGUSR1, _signal.SIGUSR2),
)

import sys  # noqa: E402 - signals are blocked first

OLDEST = (3, 9)
EXIT_TOOL = 125


def start() -> int:
    if sys.version_info < OLDEST:
        return _refuse("this image's python3 is %d.%d; 3.9 or newer is needed" % sys.version_info[:2])
    try:
        from aws_run_entrypoint.isolation import refuse_tracing
        from aws_run_entrypoint.job import container_environment
        from aws_run_entrypoint.main import main

        if sys.argv[1:2] == ["--self-check"]:
            return _check()
    except ImportError as error:
        # python3-minimal, or a Python that was built where a library's headers were missing
        return _refuse("this image's python3 is not whole, it lacks the module %s" % (error.name or error))
    env = container_environment()  # first: of a process that can't be traced it is root's to read
    refuse_tracing()
    return main(sys.argv[1:], env)


def _check() -> int:
    """Run while the image is built: also what is imported late, or in few runs only, has to be there."""
    from aws_run_entrypoint.needed import MODULES  # type: ignore[import-not-found]  # made by bundle.py

    for name in MODULES:
        __import__(name)
    sys.stdout.write("aws-run entrypoint works with Python %d.%d\n" % sys.version_info[:2])
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write("aws-run: %s\n" % why)
    return EXIT_TOOL


if __name__ == "__main__":
    sys.exit(start())
