"""Filters: which of a leader's trades a policy copies, by families; each is a small function from both to a reason.

One that is off finds no reason. One on a fact that is not known finds just that, since nothing is guessed.
"""
