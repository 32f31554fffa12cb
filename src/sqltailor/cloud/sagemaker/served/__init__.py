"""Files that lie beside the weights at an endpoint; `invocations.py` runs only there."""
