"""The fleet's keys and what is signed with them: orders, venue log-ins, transactions."""
