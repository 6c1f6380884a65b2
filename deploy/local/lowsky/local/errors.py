"""What can go wrong with the local stack, in words for the screen.

StackError
├── AlreadyRunning      a stack lives in this state directory
└── ProductionRefused   development conveniences were asked for with LOWSKY_ENV=production
"""

EXIT_PRODUCTION_REFUSED = 78
"""EX_CONFIG of sysexits.h: the configuration is wrong, trying again will not help."""


class StackError(Exception):
    """The local stack cannot do what was asked; the text says what to do about it."""


class AlreadyRunning(StackError):
    """Another stack owns this state directory and at least one of its processes is alive."""


class ProductionRefused(StackError):
    """The environment says production; nothing of this package belongs there."""
