"""How a breach of the contract is told to the provider's author."""


def require(holds: object, breach: str, mend: str) -> None:
    """Fail the test unless `holds`: `breach` is a sentence or more, `mend` ends one."""
    __tracebackhide__ = True
    if not holds:
        raise failure(breach, mend)


def failure(breach: str, mend: str) -> BaseException:
    """Word the failure of a test; no `except Exception` of a provider gets hold of it."""
    import pytest  # not needed in the fresh processes that the suite starts

    return pytest.fail.Exception(f"{breach}\nTo mend it: {mend}", pytrace=False)
