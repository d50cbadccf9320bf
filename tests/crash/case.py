"""What makes a function of a Context a case; its docstring says what must hold."""

CASES = []


def case(limit, smoke=None):
    """`limit` in seconds of one round; `smoke` is the number of rounds in the short run, None: not in it."""
    def mark(function):
        function.limit, function.smoke = limit, smoke
        CASES.append(function)
        return function
    return mark
