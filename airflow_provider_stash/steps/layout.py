"""Where a backup lies in its repository, and under which names: as Stash's etcd addon puts it."""

STASH_HOST = "host-0"
STASH_PATH = "/stash-tmp/data/snapshot.db"
"""Where Stash's etcd addon puts the snapshot in a restic snapshot; ours go to the same place."""

SNAPSHOT_PATHS = (("/stash-tmp/data",), (STASH_PATH,), ("/snapshot.db",))
"""What restic records as the paths of an etcd snapshot: Stash's (it names the directory), ours, ours by 0.18.0."""

KEEP_FOREVER_TAG = "keep-forever"
"""A restic snapshot with this tag is kept by every retention policy of this package."""
