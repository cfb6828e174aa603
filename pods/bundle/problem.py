"""Problem: what setup ends with; its text says what was expected and what was found."""


class Problem(Exception):
    pass
