"""Name what a user did wrong by one base class, so that the command line and the service can answer without a traceback."""


class InputError(ValueError):
    """The input or the words are wrong. The message says where, what, how many, an example and what to do."""
