"""Actions on objects of a Kubernetes cluster, through its API."""
