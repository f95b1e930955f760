"""The one exception that stands for a mistake of the user rather than of the program."""


class UserError(Exception):
    """A mistake the user can mend.

    The message is one sentence that names the thing, the reason and the remedy;
    the command line prints it without a traceback and exits with status 2.
    """
