"""The policy file: YAML in which every field of the domain's declarations can be set, and nothing else.

What can be written is told by the declarations alone (`remora.domain.policy`): reader, writer, JSON schema and manual
are made of them, so that no field is accepted and then ignored. Where the rules are kept is not decided here.
"""
