"""Telemetry: how remora speaks to its operator."""
