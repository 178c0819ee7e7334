"""Reports of a training: verdict, loss curve, samples."""
