"""The only wiring: what is outside, who hears and decides, and how the stages hand work on."""
