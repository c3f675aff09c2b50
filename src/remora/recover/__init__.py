"""Recover: collect what could not be reimbursed, at start-up and on a timer, until it is paid."""
