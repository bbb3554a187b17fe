"""An accepted run while its client is there: its state, its log, its attempts, its outcome."""
