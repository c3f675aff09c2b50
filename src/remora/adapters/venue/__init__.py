"""The venue: orders out, acknowledgements, books and reports in."""
