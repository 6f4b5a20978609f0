"""People: who may do what, how they log in, and the audit log of what they did."""
