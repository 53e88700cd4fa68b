"""Where etcd members run, and how to stop, fill and start them."""
