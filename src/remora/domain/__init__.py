"""Nouns and rules of value: what remora talks about, without any idea of how it is stored, sent or heard.

Everything here is pure: no await, no clock, no random, no I/O, no float. It imports nothing else of remora.
"""
