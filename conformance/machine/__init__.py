"""The simulated machine as a stage: time is virtual, and any operation can be made to fail."""
