"""The public surface: functions that fit, and results whose methods are the free functions."""
