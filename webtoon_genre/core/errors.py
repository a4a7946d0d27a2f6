"""The error for what a user, not a programmer, can correct; it formats and prints nothing."""


class InputError(ValueError):
    """Params, files or arguments that cannot be used; the message is one line: which thing, what is wrong, the value, what to do."""
