"""Files to scenes: every reader, and what each one decided about axes, units and origin."""
