"""Settings: validated once, frozen, and the only reader of the environment and of files that configure remora."""
