"""What is found out about files, beside the training: digests, profiles of datasets, whether weights are finite."""
