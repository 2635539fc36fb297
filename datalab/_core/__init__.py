"""The arithmetic: numpy and scipy only; takes only arrays that `datalab._check` has made."""
