"""Errors, named by what the caller must do.

    RemoraError
    ├─ Retryable(delay_s)    nothing happened; the same call again is safe
    ├─ OutcomeUnknown        it may have happened: never resend, reconcile
    ├─ Refused(reason)       the other side proved refusal: record, go on
    ├─ OperatorError         configuration, funds, keys: a person must act
    │  └─ Malformed          an input is not what it should be; the message says what was expected and found
    └─ InvariantBroken       books do not balance, illegal transition: halt what it touches

A denial is a value, not an error.
"""

from __future__ import annotations


class RemoraError(Exception):
    """The root of every error that remora raises on purpose."""


class Retryable(RemoraError):
    """Nothing happened; the same call again is safe after `delay_s` seconds."""

    def __init__(self, message: str, delay_s: float = 1) -> None:
        super().__init__(message)
        self.delay_s = delay_s


class OutcomeUnknown(RemoraError):
    """The call may have taken effect: never resend it, ask the venue or the chain what happened."""


class Refused(RemoraError):
    """The other side proved that it did not accept; `reason` holds its words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OperatorError(RemoraError):
    """A person must act: configuration, funds or keys."""


class Malformed(OperatorError):
    """An input is not what it should be. The message says what was expected and what was found."""


class InvariantBroken(RemoraError):
    """The books do not balance or a transition is illegal: halt what it touches."""
