"""etcd alone: connect, ask, stream a snapshot and check it, build a data directory from one."""
