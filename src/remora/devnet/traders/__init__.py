"""Scripted traders, who use the official SDK as people do."""
