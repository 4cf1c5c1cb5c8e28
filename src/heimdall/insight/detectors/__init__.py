"""Online detectors: one object per kind over many series, with state of bounded size that goes into a checkpoint."""
