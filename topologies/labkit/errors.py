"""What ends a lab early."""


class LabError(Exception):
    """The lab cannot go on; the text is the one line that says what failed."""
