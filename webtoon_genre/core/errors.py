"""The errors that a person, not a programmer, can mend; it refuses to format or print anything."""


class InputError(ValueError):
    """Params, files or arguments that cannot be used; its message is one line: which thing, what is wrong, the value, what to do."""
