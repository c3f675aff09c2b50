"""A gate before the chain that passes everything on, unless a fault is active: two gates are two nodes."""
